"""The networks of the recipes, as plain torch modules."""

import copy

import numpy as np
import torch
from torch import Tensor, nn

from tinybayes.datasets import Dataset

_REACH = 0.9999


class Standardize(nn.Module):
    """(x - mean) / std of each channel; the two buffers have shape (channels, 1)."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, time), same shape out."""
        return (x - self.mean) / self.std


@torch.no_grad()
def evened(network: nn.Sequential, x: Tensor) -> nn.Sequential:
    """An equivalent copy whose input channels, once standardized, reach equally far; a plain copy without Standardize.

    All channels are rounded with one scale. One that reaches far by rare peaks, as angular rates do, would make that
    scale coarse for the others. Reach is what all but one in 10,000 values of the samples ``x`` stay within.
    """
    network = copy.deepcopy(network)
    scaling, layer = network[0], network[1]
    if isinstance(scaling, Standardize) and isinstance(layer, nn.Conv1d) and layer.groups == 1:
        values = scaling(x).abs().transpose(0, 1).flatten(1)
        reach = torch.from_numpy(np.quantile(values.numpy(), _REACH, axis=1)).float().clamp(min=1e-6)
        reach = reach / reach.mean()
        scaling.std.mul_(reach[:, None])
        layer.weight.mul_(reach[:, None])
    return network


def imu_user_id_network(data: Dataset) -> nn.Sequential:
    """Three convolutions with BatchNorm over (batch, 6, 128); the input's scaling is fitted on the training part."""
    x = torch.from_numpy(data.x_train).double()
    mean, std = x.mean(dim=(0, 2)).float()[:, None], x.std(dim=(0, 2)).float()[:, None]
    return nn.Sequential(
        Standardize(mean, std),
        *_block(6, 32, 5),
        nn.MaxPool1d(2),
        *_block(32, 64, 5),
        nn.MaxPool1d(2),
        *_block(64, 64, 3),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(64, data.classes),
    )


def _block(channels_in: int, channels_out: int, width: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv1d(channels_in, channels_out, width, padding=width // 2, bias=False)
    return convolution, nn.BatchNorm1d(channels_out), nn.ReLU()


def mnist_lenet300_network(data: Dataset) -> nn.Sequential:
    """LeNet-300-100 over (batch, 1, 28, 28) in [0, 1]."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 300),
        nn.ReLU(),
        nn.Linear(300, 100),
        nn.ReLU(),
        nn.Linear(100, data.classes),
    )


def lenet5_network(data: Dataset) -> nn.Sequential:
    """LeNet-5 in Caffe's shape, 20-50-500 units, over (batch, 1, 28, 28), with a ReLU behind each hidden layer."""
    return _lenet5(20, 50, 500, data.classes)


def lenet5_small_network(data: Dataset) -> nn.Sequential:
    """A LeNet-5 with 12-24-96 units over (batch, 1, 28, 28)."""
    return _lenet5(12, 24, 96, data.classes)


def _lenet5(first: int, second: int, hidden: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, first, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * second, hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )
