"""Accuracy of a network, and the samples that stand for a training set."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tinybayes.datasets import Dataset
from tinybayes.datasets.dataset import Floats

CALIBRATION_SAMPLES = 512
_EVALUATION_BATCH = 500


@torch.no_grad()
def accuracy(module: nn.Module, x: Tensor, y: Tensor) -> float:
    """Fraction of samples whose largest output is the label, in evaluation mode; the module's mode is restored."""
    training = module.training
    module.eval()
    right = 0
    for start in range(0, len(x), _EVALUATION_BATCH):
        rows = slice(start, start + _EVALUATION_BATCH)
        right += int((module(x[rows]).argmax(1) == y[rows]).sum())
    module.train(training)
    return right / len(x)


def calibration_samples(data: Dataset) -> Floats:
    """At most 512 training samples, evenly spread over the training part."""
    return np.ascontiguousarray(data.x_train[spread_rows(len(data.x_train), CALIBRATION_SAMPLES)])


def spread_rows(rows: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` row numbers, evenly spread over ``rows`` rows."""
    return np.linspace(0, rows - 1, min(most, rows)).astype(np.int64)
