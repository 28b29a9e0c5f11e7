"""Deep Compression (Han, Mao and Dally, ICLR 2016): pruning step by step, and the size as the paper counts it.

The method in three stages: :func:`prune_by_deviation` and training in turn, with a ``quality`` that rises;
:class:`tinybayes.compress.SharedNetwork`, whose levels start evenly over the range of the weights and take the sum of
their weights' gradients; and Huffman codes of levels and gaps, which :func:`han_sizes` counts.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tinybayes.coding import code_lengths
from tinybayes.coding import coded_bits as huffman_bits
from tinybayes.compress.prune import MaskedNetwork

FLOAT_BITS = 32
_LONGEST_CODE = 32


@torch.no_grad()
def prune_by_deviation(network: nn.Module | MaskedNetwork, quality: float) -> MaskedNetwork:
    """``network`` without the weights whose magnitude is below ``quality`` standard deviations of their layer.

    The deviation is that of the layer's living weights (Han, Pool, Tran and Dally, NIPS 2015, section 3.3). Weights
    that are masked already stay so; the layer's largest weight is always kept. Train the result and prune again.
    """
    if quality < 0:
        raise ValueError(f"quality must not be negative, got {quality}")
    before: dict[str, Tensor] = {}
    if isinstance(network, MaskedNetwork):
        plain, before = network.plain(), network.masks
    else:
        plain = copy.deepcopy(network)
    masks = {}
    for name, layer in plain.named_modules():
        if type(layer) in (nn.Linear, nn.Conv1d, nn.Conv2d):
            parameter = f"{name}.weight" if name else "weight"
            magnitude = layer.get_parameter("weight").abs()
            alive = before.get(parameter, torch.ones_like(magnitude)) != 0
            if not alive.any():
                masks[parameter] = alive.float()
                continue
            deviation = layer.get_parameter("weight")[alive].std(unbiased=False)
            limit = torch.minimum(quality * deviation, magnitude[alive].max())
            masks[parameter] = (alive & (magnitude >= limit)).float()
    return MaskedNetwork(plain, masks)


@dataclass(frozen=True)
class HanSize:
    """A layer's size in the paper's accounting (section 3 and table 2), bits; biases are not counted, as there.

    ``fixed_bits`` is values and gaps of fixed width with the codebook in float32 (the paper's "P+Q"), ``huffman_bits``
    the same with Huffman codes in place of the fixed widths ("P+Q+H"; the paper does not count code tables).
    ``fillers`` are zeros stored because a gap is wider than ``index_bits`` can say.
    """

    weights: int
    nonzero: int
    fillers: int
    levels: int
    fixed_bits: int
    huffman_bits: int

    @property
    def float_bits(self) -> int:
        """Of all weights in float32."""
        return FLOAT_BITS * self.weights


@torch.no_grad()
def han_sizes(network: nn.Module, index_bits: int = 5) -> dict[str, HanSize]:
    """The size of every layer of a plain network with shared weights, by parameter name.

    A gap of up to ``2 ** index_bits`` takes one index; a wider one needs filler zeros, which read a level of their
    own (figure 2). ``index_bits``: 5, as the paper's tables of LeNet have it.
    """
    if not 1 <= index_bits <= 16:
        raise ValueError(f"index_bits must be 1 to 16, got {index_bits}")
    sizes = {}
    for name, layer in network.named_modules():
        if type(layer) in (nn.Linear, nn.Conv1d, nn.Conv2d):
            flat = layer.get_parameter("weight").detach().flatten().numpy()
            sizes[f"{name}.weight" if name else "weight"] = _size(flat, 1 << index_bits)
    return sizes


def _size(flat: NDArray[np.float32], reach: int) -> HanSize:
    places = np.flatnonzero(flat)
    table, level = np.unique(flat[places], return_inverse=True)
    gaps, symbols, fillers = [], [], 0
    for gap, symbol in zip(np.diff(places, prepend=-1).tolist(), (level + 1).tolist(), strict=True):
        fill = (gap - 1) // reach
        gaps += [reach] * fill + [gap - fill * reach]
        symbols += [0] * fill + [symbol]
        fillers += fill
    entries = len(gaps)
    value_bits = max(1, int(np.ceil(np.log2(len(table) + (fillers > 0))))) if entries else 0
    codebook = FLOAT_BITS * len(table)
    index_bits = reach.bit_length() - 1
    return HanSize(
        weights=flat.size,
        nonzero=places.size,
        fillers=fillers,
        levels=len(table),
        fixed_bits=entries * (value_bits + index_bits) + codebook,
        huffman_bits=_huffman(symbols) + _huffman(gaps) + codebook,
    )


def _huffman(symbols: list[int]) -> int:
    frequencies = np.bincount(symbols).tolist() if symbols else []
    return huffman_bits(frequencies, code_lengths(frequencies, _LONGEST_CODE))
