"""The networks that kernels are measured on: their shapes are published, their weights are random.

A sparse variant keeps random weights, one by one or in blocks of four neighbours of a row's segment.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tinybayes.ir import Graph
from tinybayes.pipeline import load_network

BLOCK = 4


def lenet5() -> nn.Module:
    """LeNet-5 in Caffe's shape (20-50-500-10) on 28 x 28 pixels."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip


def imu_cnn() -> nn.Module:
    """A convolutional network on 128 time steps of 6 inertial channels."""

    def block(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
        return [nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2), nn.BatchNorm1d(outputs), nn.ReLU()]

    return nn.Sequential(
        *block(6, 32, 5), nn.MaxPool1d(2), *block(32, 64, 5), nn.MaxPool1d(2), *block(64, 64, 3),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 30),
    )  # fmt: skip


def ds_cnn() -> nn.Module:
    """A depthwise separable network for keyword spotting, in the shape of MLPerf Tiny: 49 windows of 10 features."""

    def block(layer: nn.Module) -> list[nn.Module]:
        return [layer, nn.BatchNorm2d(64), nn.ReLU()]

    separable = [
        module
        for _ in range(4)
        for module in block(nn.Conv2d(64, 64, 3, padding=1, groups=64)) + block(nn.Conv2d(64, 64, 1))
    ]
    return nn.Sequential(
        *block(nn.Conv2d(1, 64, (10, 4), stride=2, padding=(5, 1))), *separable,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 12),
    )  # fmt: skip


INPUT_SHAPES = {lenet5: (1, 28, 28), imu_cnn: (6, 128), ds_cnn: (1, 49, 10)}


def integer_network(
    network: "type[nn.Module] | object",
    densities: Sequence[float] | float = 1.0,
    *,
    blocks: bool = False,
    seed: int = 0,
) -> Graph:
    """The integer network of ``lenet5`` or ``imu_cnn`` with random weights and calibration data.

    ``densities``: the part of the weights kept, for all layers or for each in order; ``blocks`` keeps or drops four
    neighbours of a segment (a kernel row: its columns and channels) together.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    module = network().eval()  # type: ignore[operator]
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear)]
    kept = [densities] * len(layers) if isinstance(densities, int | float) else list(densities)
    with torch.no_grad():
        for layer, density in zip(layers, kept, strict=True):
            if density < 1:
                layer.weight *= torch.from_numpy(_mask(rng, tuple(layer.weight.shape), density, blocks))
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                layer.running_var.fill_(0.3)
    shape = INPUT_SHAPES[network]  # type: ignore[index]
    return load_network(module, rng.standard_normal((32, *shape)).astype(np.float32))


def _mask(rng: np.random.Generator, shape: tuple[int, ...], density: float, blocks: bool) -> npt.NDArray[np.float32]:
    """Ones where a weight of torch's ``shape`` (outputs, inputs, kernel...) is kept."""
    if not blocks:
        return (rng.random(shape) < density).astype(np.float32)
    last = (shape[0], *shape[2:], shape[1])  # channels last, as the device stores them
    segments = (int(np.prod(last[: -2 if len(shape) > 2 else -1])), int(np.prod(last[-2 if len(shape) > 2 else -1 :])))
    groups = rng.random((segments[0], -(-segments[1] // BLOCK))) < density
    mask = np.repeat(groups, BLOCK, axis=1)[:, : segments[1]].reshape(last)
    return np.moveaxis(mask, -1, 1).astype(np.float32)
