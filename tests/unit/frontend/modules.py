"""Torch modules that together use every supported operator."""

import functools

import torch
import torch.nn.functional as F
from torch import nn

from tinybayes.frontend import import_module


class Standardized(nn.Module):
    """A series network behind (x - mean) / std with constants of each channel."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.randn(6, 1))
        self.register_buffer("std", torch.rand(6, 1) + 0.5)
        self.features = nn.Sequential(
            nn.Conv1d(6, 8, 5, padding="same"), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2), nn.Dropout(),
            nn.Conv1d(8, 5, 4, padding="same"), nn.ReLU(), nn.AvgPool1d(3, 2),
        )  # fmt: skip
        self.head = nn.Linear(5 * 7, 3)

    def forward(self, x):
        x = (x - self.mean) / self.std
        return self.head(self.features(x).flatten(1))


class Functional(nn.Module):
    """A map network written with functions, python scalars and a view."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1, stride=2)
        self.second = nn.Conv2d(4, 5, (3, 2), padding="same", bias=False)
        self.norm = nn.BatchNorm2d(5)
        self.head = nn.Linear(5 * 6 * 5, 4, bias=False)

    def forward(self, x):
        x = (x - 0.5) / 2
        x = F.max_pool2d(F.relu(self.first(x)), (2, 3), 1)
        x = F.relu(self.norm(self.second(x))).contiguous()
        return self.head(x.view(x.size(0), -1)).clone()


class MeanHead(nn.Module):
    """A global average as a mean without keepdim."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, (2, 4), stride=(1, 2), padding=(0, 3))
        self.head = nn.Linear(6, 5)

    def forward(self, x):
        return self.head(F.relu(self.conv(x)).mean(dim=(-2, -1)))


def average_head():
    return nn.Sequential(
        nn.Conv1d(4, 7, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(7, 6), nn.BatchNorm1d(6)
    )


def perceptron():
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 20), nn.ReLU(), nn.Dropout(0.3), nn.Linear(20, 5))


def relu_behind_pool():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3), nn.ReLU())


class Curves(nn.Module):
    """Every function of one number, as modules and as functions."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(2, 6, 3), nn.Hardswish(), nn.Conv1d(6, 6, 3), nn.SiLU(inplace=True), nn.MaxPool1d(2),
            nn.Conv1d(6, 6, 1), nn.GELU("tanh"), nn.Conv1d(6, 6, 1), nn.ELU(0.7), nn.Conv1d(6, 6, 1), nn.SELU(),
            nn.Conv1d(6, 6, 1), nn.CELU(0.5), nn.Conv1d(6, 6, 1), nn.Mish(), nn.Conv1d(6, 6, 1), nn.Softplus(2.0),
            nn.Conv1d(6, 6, 1), nn.PReLU(), nn.Conv1d(6, 6, 1), nn.LeakyReLU(0.1), nn.Conv1d(6, 6, 1), nn.Hardsigmoid(),
            nn.Conv1d(6, 6, 1), nn.ReLU6(), nn.Conv1d(6, 6, 1), nn.Hardtanh(-0.5, 1.5), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(6 * 5, 4)

    def forward(self, x):
        x = self.head(F.gelu(self.features(x)))
        return torch.tanh(torch.sigmoid(torch.clamp(x, min=-1.0).clamp_max(2.0)))


class Probabilities(nn.Module):
    """Softmax over the channels of a map, over a flattened map and at the end."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.head = nn.Linear(4 * 4 * 3, 5)

    def forward(self, x):
        x = self.conv(x).softmax(dim=1)
        return F.softmax(self.head(x.flatten(1).softmax(-1)), dim=-1)


class Pools(nn.Module):
    """Windows of every kind: padded, at borders that they do not fit, adaptive, over one dimension."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3)
        self.pools = nn.Sequential(
            nn.AvgPool2d((3, 2), 2, padding=1), nn.AvgPool2d(3, 2, padding=1, count_include_pad=False, ceil_mode=True),
            nn.MaxPool2d(3, 2, padding=1), nn.AdaptiveAvgPool2d((5, 3)), nn.AdaptiveMaxPool2d((3, 2)),
        )  # fmt: skip
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = F.max_pool2d(self.pools(self.first(x)), (2, 3), 2, padding=(0, 1), ceil_mode=True)
        x = F.avg_pool2d(x, 2, divisor_override=3, ceil_mode=True)
        return self.head(x.mean(2, keepdim=True).amax(dim=(2, 3)))


class SeriesPools(nn.Module):
    """The same on series, with a sum and a maximum at the end."""

    def __init__(self):
        super().__init__()
        self.pools = nn.Sequential(
            nn.Conv1d(3, 4, 3), nn.AvgPool1d(5, 3, padding=2, ceil_mode=True, count_include_pad=False), nn.ReLU(),
            nn.MaxPool1d(4, 3, padding=2), nn.AvgPool1d(3, 2, padding=1), nn.AdaptiveMaxPool1d(3),
        )  # fmt: skip

    def forward(self, x):
        x = self.pools(x)
        return x.sum(-1, keepdim=True).max(-1).values


class Grouped(nn.Module):
    """Groups, one channel for each output, two outputs of each channel, kernel positions apart."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.BatchNorm2d(6), nn.ReLU(),
            nn.Conv2d(6, 12, (3, 2), stride=(1, 2), groups=6, dilation=(2, 1)), nn.ReLU(),
            nn.Conv2d(12, 12, 3, padding="same", dilation=(1, 2), groups=12, bias=False), nn.Conv2d(12, 5, 1),
        )  # fmt: skip

    def forward(self, x):
        return self.features(x).mean((2, 3))


def grouped_series():
    return nn.Sequential(
        nn.Conv1d(6, 6, 3, groups=6, padding=2, dilation=2), nn.ReLU(), nn.Conv1d(6, 9, 2, groups=3, dilation=3),
        nn.Conv1d(9, 4, 3, dilation=2), nn.Flatten(), nn.Linear(4 * 13, 3),
    )  # fmt: skip


MODULES = {
    "grouped": (Grouped, (4, 9, 8)),
    "grouped_series": (grouped_series, (6, 20)),
    "pools": (Pools, (2, 23, 20)),
    "series_pools": (SeriesPools, (3, 50)),
    "probabilities": (Probabilities, (2, 6, 5)),
    "curves": (Curves, (2, 14)),
    "standardized": (Standardized, (6, 32)),
    "functional": (Functional, (2, 14, 14)),
    "mean_head": (MeanHead, (3, 5, 9)),
    "average_head": (average_head, (4, 20)),
    "perceptron": (perceptron, (1, 6, 6)),
    "relu_behind_pool": (relu_behind_pool, (1, 8, 8)),
}


def build(name):
    """(module in evaluation mode with lively BatchNorm statistics, sample shape), the same every time."""
    torch.manual_seed(7)
    factory, shape = MODULES[name]
    module = factory().eval()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.3, 2.0)
            nn.init.uniform_(layer.weight, -1.5, 1.5)
            nn.init.normal_(layer.bias)
    return module, shape


@functools.cache
def imported(name):
    """(torch module, float graph, sample shape)."""
    module, shape = build(name)
    return module, import_module(module, torch.zeros(1, *shape)), shape
