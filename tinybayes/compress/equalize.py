"""Equalizing channels across layers, so that one table of levels a layer serves all of its channels."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)
_HOMOGENEOUS = (
    nn.ReLU, nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
    nn.Flatten, nn.Identity,
)  # fmt: skip
_ROUNDS = 20
Layer = nn.Linear | nn.Conv1d | nn.Conv2d


@torch.no_grad()
def equalize(network: nn.Sequential) -> nn.Sequential:
    """An equivalent copy whose channels weigh alike where they leave a layer and where they enter the next.

    f(s x) = s f(x) for s > 0 holds for ReLU and pooling, so a channel may leave one layer s times larger and enter the
    next with weights s times smaller. s = sqrt(largest weight there / largest weight here) makes the two alike (Nagel
    et al., ICCV 2019, section 4.1); a few rounds reach all layers. Zeros stay zeros, dead channels stay as they are.
    """
    network = copy.deepcopy(network)
    for _ in range(_ROUNDS):
        for layer, following in _pairs(network):
            entering = following.weight.reshape(following.weight.shape[0], layer.weight.shape[0], -1)
            here, there = _largest(layer.weight), _largest(entering.transpose(0, 1))
            scale = torch.where((here > 0) & (there > 0), (there / here.clamp(min=1e-30)).sqrt(), torch.ones(()))
            layer.weight.mul_(scale.reshape(-1, *[1] * (layer.weight.ndim - 1)))
            if layer.bias is not None:
                layer.bias.mul_(scale)
            following.weight.copy_((entering / scale[:, None]).reshape(following.weight.shape))
    return network


def _pairs(network: nn.Sequential) -> Iterator[tuple[Layer, Layer]]:
    """Each layer with weights and the next one, where nothing between them minds a scale."""
    before: Layer | None = None
    for layer in network:
        if isinstance(layer, _LAYERS):
            if before is not None and getattr(layer, "groups", 1) == 1:
                yield before, layer
            before = layer
        elif not isinstance(layer, _HOMOGENEOUS):
            before = None


def _largest(weight: Tensor) -> Tensor:
    return weight.abs().flatten(1).amax(1)
