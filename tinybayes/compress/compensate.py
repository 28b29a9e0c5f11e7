"""Moving weights to shared levels so that the errors within an output cancel on real samples."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tinybayes.compress.share import cluster, nearest, snap_to_grid
from tinybayes.compress.weighted import weight_names
from tinybayes.errors import UnsupportedError

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)
_DAMPING = 0.01


@torch.no_grad()
def compensate(network: nn.Sequential, levels: int, rate: float, x: Tensor) -> nn.Sequential:
    """A copy whose every layer has at most ``levels`` distinct nonzero weights, made to act alike on the samples ``x``.

    Layer by layer, on what the layers before it that are done give: the weights of an output move to the nearest level
    one after another, and those that have not yet moved take up the error as far as the covariance of their inputs
    lets them (optimal brain compression, Frantar and Alistarh, NeurIPS 2022; in the order and with the Cholesky factor
    of GPTQ, Frantar et al., ICLR 2023). Then the bias gives each output the mean it had (Nagel et al., ICCV 2019,
    section 4.2). Zeros stay zeros. Layers of several groups only have their weights moved.
    Raises UnsupportedError where other layers have weights, as recurrent ones do.
    """
    for place, layer in enumerate(network):
        if not isinstance(layer, _LAYERS) and weight_names(layer):
            raise UnsupportedError(
                f"layer {place}: {type(layer).__name__} has weights that cannot make up for each other's errors; only "
                "those of Linear, Conv1d and Conv2d can. Share them without: SharedNetwork(network, levels)"
            )
    network, original = copy.deepcopy(network), network
    theirs = ours = x
    for layer, other in zip(network, original, strict=True):
        theirs = other(theirs)
        if isinstance(layer, _LAYERS):
            _move(layer, levels, rate, ours)
            if layer.bias is not None:
                layer.bias.add_(_channel_means(theirs) - _channel_means(layer(ours)))
        ours = layer(ours)
    return network


def _channel_means(x: Tensor) -> Tensor:
    return x.mean([0, *range(2, x.ndim)])


def _move(layer: nn.Linear | nn.Conv1d | nn.Conv2d, levels: int, rate: float, x: Tensor) -> None:
    alive = layer.weight != 0
    if not alive.any():
        return
    centroids, _ = cluster(layer.weight[alive], levels, rate)
    table = snap_to_grid(centroids, torch.arange(len(centroids)))
    table = table[table != 0].unique()
    covariance = _covariance(layer, x)
    for weight, mask in zip(layer.weight.flatten(1), alive.flatten(1), strict=True):
        places = mask.nonzero()[:, 0]
        weight[places] = _rounded(weight[places], table, covariance[places][:, places])


def _rounded(weight: Tensor, table: Tensor, covariance: Tensor) -> Tensor:
    factor = torch.linalg.cholesky(torch.linalg.inv(covariance), upper=True)
    left, rounded = weight.double(), weight.clone()
    for place in range(len(weight)):
        rounded[place] = table[nearest(table, left[place : place + 1].float())]
        error = (left[place] - rounded[place]) / factor[place, place]
        left = left - error * factor[place]
    return rounded


def _covariance(layer: nn.Linear | nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """Of the inputs of one output in the order of its weights, float64, with a little added to stay invertible."""
    identity = torch.eye(layer.weight[0].numel(), dtype=torch.float64)
    if getattr(layer, "groups", 1) > 1:
        return identity
    inputs = (x if isinstance(layer, nn.Linear) else _patches(layer, x)).double()
    inputs = inputs - inputs.mean(0)
    covariance = inputs.T @ inputs / len(inputs)
    spread = covariance.diagonal().mean()
    return covariance + _DAMPING * (spread if spread > 0 else 1.0) * identity


def _patches(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """(output positions of all samples, weights of an output): what a convolution padded with zeros reads."""
    assert not isinstance(layer.padding, str)
    if isinstance(layer, nn.Conv2d):
        patches = F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    else:
        size, step = (1, *layer.kernel_size), (1, *layer.stride)
        patches = F.unfold(x.unsqueeze(2), size, (1, *layer.dilation), (0, *layer.padding), step)
    return patches.transpose(1, 2).flatten(0, 1)
