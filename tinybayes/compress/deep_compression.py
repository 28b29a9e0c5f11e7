"""Deep Compression (Han, Mao and Dally, ICLR 2016): pruning step by step, and the size as the paper counts it.

The method in three stages: :func:`prune_iteratively`, which prunes by deviations and trains in turn;
:class:`tinybayes.compress.SharedNetwork`, whose levels start evenly over the range of the weights and take the sum of
their weights' gradients; and Huffman codes of levels and gaps, which :func:`han_sizes` counts.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tinybayes.coding import code_lengths
from tinybayes.coding import coded_bits as huffman_bits
from tinybayes.compress.prune import MaskedNetwork
from tinybayes.compress.weighted import weight_names
from tinybayes.ir import Graph

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
    plain = network.plain() if isinstance(network, MaskedNetwork) else copy.deepcopy(network)
    masks = {}
    for name, (weight, alive) in _living(network).items():
        masks[name] = alive.float()
        if alive.any():
            magnitude, deviation = weight.abs(), weight[alive].std(unbiased=False)
            masks[name] *= magnitude >= torch.minimum(quality * deviation, magnitude[alive].max())
    return MaskedNetwork(plain, masks)


def prune_iteratively(
    network: nn.Module, sparsities: Sequence[float], train: Callable[[MaskedNetwork, int], None]
) -> MaskedNetwork:
    """``network`` pruned to each of ``sparsities`` in turn, and trained after each.

    Learning which connections matter, pruning and retraining, again and again (Han, Pool, Tran and Dally, NIPS 2015,
    sections 3 and 3.4): each round takes the weights below as many deviations of their layer, the same number for all
    layers, as leaves that share of all weights zero. ``sparsities`` rise, each at least 0 and below 1; ``network`` is
    trained already. ``train(masked, round)`` is the user's own training, some epochs of ``masked`` in place, rounds
    counted from 0. Raises ValueError for sparsities out of range or falling.
    """
    if not sparsities or list(sparsities) != sorted(sparsities) or not 0 <= sparsities[0] <= sparsities[-1] < 1:
        raise ValueError(f"sparsities must rise, each at least 0 and below 1, got {list(sparsities)}")
    masked = network if isinstance(network, MaskedNetwork) else prune_by_deviation(network, 0.0)
    for number, sparsity in enumerate(sparsities):
        masked = prune_by_deviation(masked, _quality_for(masked, sparsity))
        train(masked, number)
    return masked


@torch.no_grad()
def _quality_for(network: MaskedNetwork, sparsity: float) -> float:
    """Below how many deviations of its layer a weight has to go so that ``sparsity`` of all weights are zero."""
    everything = []
    for weight, alive in _living(network).values():
        deviation = weight[alive].std(unbiased=False) if alive.any() else weight.new_ones(())
        # A layer without spread keeps all of its weights, however many deviations are asked for.
        ratio = torch.where(deviation > 0, weight.abs() / deviation, torch.inf)
        everything.append(torch.where(alive, ratio, -1.0).flatten())
    ratios = torch.cat(everything)
    limit = float(ratios.sort().values[int(sparsity * len(ratios))])
    return max(0.0, limit) if np.isfinite(limit) else 0.0


def _living(network: nn.Module | MaskedNetwork) -> dict[str, tuple[Tensor, Tensor]]:
    """(weight, which of it are alive) by parameter name."""
    inner = network.network if isinstance(network, MaskedNetwork) else network
    masks = network.masks if isinstance(network, MaskedNetwork) else {}
    weights = {name: inner.get_parameter(name).detach() for name in weight_names(inner)}
    return {name: (weight, masks.get(name, torch.ones_like(weight)) != 0) for name, weight in weights.items()}


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
def han_sizes(network: nn.Module | Graph, index_bits: int = 5) -> dict[str, HanSize]:
    """The size of every weight of a plain network with shared weights, by parameter name; of a graph, by layer.

    A gap of up to ``2 ** index_bits`` takes one index; a wider one needs filler zeros, which read a level of their
    own (figure 2). ``index_bits``: 5, as the paper's tables of LeNet have it. Weights are taken in torch's order; rows
    and columns that a graph has lost since they were zero throughout are not counted.
    """
    if not 1 <= index_bits <= 16:
        raise ValueError(f"index_bits must be 1 to 16, got {index_bits}")
    if isinstance(network, Graph):
        weights = {node.name: np.moveaxis(node.weight, 3, 1) for node in network.mac_nodes}
    else:
        weights = {name: network.get_parameter(name).detach().numpy() for name in weight_names(network)}
    return {name: _size(weight.reshape(-1), 1 << index_bits) for name, weight in weights.items()}


def _size(flat: NDArray[np.generic], reach: int) -> HanSize:
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
