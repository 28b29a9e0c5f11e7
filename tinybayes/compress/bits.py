"""How many bytes ideal codes would spend on a sparse network: the figure that choices of training are judged by."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tinybayes.compress.weighted import weight_names


def entropy_bits(symbols: NDArray[np.int64]) -> float:
    """Bits of an ideal order-0 code of ``symbols``, the table not counted."""
    if symbols.size == 0:
        return 0.0
    _, count = np.unique(symbols, return_counts=True)
    return float(-(count * np.log2(count / symbols.size)).sum())


def gap_bits(gaps: NDArray[np.int64]) -> float:
    """Bits of gaps >= 0 coded as a bucket of power-of-two width (an ideal code) and plain bits within the bucket."""
    width = np.floor(np.log2(gaps + 1)).astype(np.int64)
    return entropy_bits(width) + float(width.sum())


def estimated_bytes(network: nn.Module) -> float:
    """Bytes of values and gaps of every weight under ideal codes, and one byte a bias of every living output.

    Rows and columns of a weight matrix that are zero throughout cost nothing. Tables and headers are not counted.
    """
    bits = 0.0
    for name in weight_names(network):
        weight = network.get_parameter(name).detach()
        weight = weight.reshape(weight.shape[0], weight.shape[1], -1).permute(0, 2, 1)
        living = weight[weight.flatten(1).any(1)][:, :, weight.permute(2, 0, 1).flatten(1).any(1)]
        flat = living.flatten().numpy()
        places = np.flatnonzero(flat)
        values = torch.unique(living.flatten()[places], return_inverse=True)[1].numpy()
        bits += entropy_bits(values) + gap_bits(np.diff(places, prepend=-1) - 1) + 8 * len(living)
    return bits / 8
