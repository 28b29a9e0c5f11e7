"""Folding BatchNorm into the convolution or linear layer before it."""

import copy

import torch
from torch import Tensor, nn

from tinybayes.errors import UnsupportedError

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)


@torch.no_grad()
def fold_batch_norm(network: nn.Sequential) -> nn.Sequential:
    """An equivalent copy for inference in which each BatchNorm is gone and the layer before it has gained a bias.

    w' = w * g and b' = beta + (b - mean) * g, with g = gamma / sqrt(variance + eps) of each output channel. The sums
    are made in float64 and rounded once. Zeros stay zeros. Raises UnsupportedError for a BatchNorm that follows no
    linear or convolutional layer.
    """
    folded: list[nn.Module] = []
    for place, layer in enumerate(network):
        if not isinstance(layer, _NORMS):
            folded.append(copy.deepcopy(layer))
            continue
        if not folded or not isinstance(folded[-1], _LAYERS):
            before = type(folded[-1]).__name__ if folded else "the input"
            raise UnsupportedError(
                f"layer {place}: {type(layer).__name__} follows {before}; it can be folded only "
                "into a Linear, Conv1d or Conv2d directly before it"
            )
        _fold(folded[-1], layer)
    return nn.Sequential(*folded).eval()


def _fold(layer: nn.Linear | nn.Conv1d | nn.Conv2d, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    if norm.running_mean is None or norm.running_var is None:
        raise UnsupportedError("BatchNorm without running statistics cannot be folded; train it with them")
    mean, variance = norm.running_mean.double(), norm.running_var.double()
    gamma = torch.ones_like(mean) if norm.weight is None else norm.weight.double()
    beta = torch.zeros_like(mean) if norm.bias is None else norm.bias.double()
    bias: Tensor = torch.zeros_like(mean) if layer.bias is None else layer.bias.double()
    gain = gamma / torch.sqrt(variance + norm.eps)
    weight = layer.weight.double() * gain.reshape(-1, *[1] * (layer.weight.ndim - 1))
    layer.weight = nn.Parameter(weight.float())
    layer.bias = nn.Parameter((beta + (bias - mean) * gain).float())
