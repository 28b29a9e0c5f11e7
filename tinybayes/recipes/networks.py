"""The networks of the recipes, as plain torch modules."""

import torch
from torch import Tensor, nn

from tinybayes.datasets import Dataset


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
