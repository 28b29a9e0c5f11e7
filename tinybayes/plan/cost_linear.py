"""Estimated cycles of fully connected layers: how often each loop of a kernel runs, times what a run takes.

The loops are those of ``firmware/runtime/tb_linear_*.h``; what they take is in ``plan/coefficients_linear.py``, by
class of core, as ``scripts/fit_linear_cost.py`` fits it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinybayes.errors import InternalError
from tinybayes.ir import MacNode, Tensor
from tinybayes.plan.bounds import accumulator_bound, must_clamp
from tinybayes.plan.coefficients_linear import LINEAR_COEFFICIENTS, SELECT_COEFFICIENTS
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.formats import Encoding
from tinybayes.plan.formats.linear_blocks import FOUR_ROWS

Terms = tuple[int, ...]
_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinearLayer:
    """A fully connected layer as a kernel runs it on ``source``."""

    node: MacNode
    encoding: Encoding
    source: Tensor

    @property
    def rows(self) -> int:
        """Outputs."""
        return self.node.outputs

    @property
    def is_signed(self) -> bool:
        """Whether activations are signed bytes: vectors then take 16 of them, else 8."""
        return self.source.dtype == "int8"

    @property
    def counts(self) -> _Counts:
        """How many entries each inner loop goes through."""
        for name in ("counts", "counts8", "counts16"):
            array = self.encoding.array(name)
            if array is not None:
                return array.values.astype(np.int64)
        raise InternalError(f"{self.node.name}: format {self.encoding.format} counts nothing")

    @property
    def tiles(self) -> Terms:
        """Tiles of all rows, where a row has two of them, and where it has more.

        A single one makes no loop; two the compiler writes one behind the other.
        """
        groups = self.counts.size // self.encoding.constants.get("level_count", 1)
        rows = -(-self.rows // 4) if self.encoding.format == FOUR_ROWS else self.rows
        return groups * (groups == 2 * rows), groups * (groups > 2 * rows)

    @property
    def each_row(self) -> Terms:
        """The layer itself, and its rows: all, those with a multiplier of their own, those that must be clamped."""
        requant = self.node.requant
        if requant is None:
            raise InternalError(f"{self.node.name}: no requantization")
        bound = accumulator_bound(self.node, self.source.code_range)
        clamped = must_clamp(requant, bound, int(requant.multiplier.max()))
        return 1, self.rows, self.rows * requant.per_channel, self.rows * clamped

    def vectors(self, counts: _Counts) -> Terms:
        """Vectors of signed and of unsigned codes that ``counts`` entries fill."""
        lanes = 16 if self.is_signed else 8
        vectors = int((-(-counts // lanes)).sum())
        return vectors * self.is_signed, vectors * (not self.is_signed)


def _unrolled(counts: _Counts) -> Terms:
    """Runs of a loop of four entries, of what takes two of the rest and the last one; loops that do not run at all."""
    return int((counts // 4).sum()), int((counts % 4 // 2).sum()), int((counts % 2).sum()), int((counts < 4).sum())


def _empty(counts: _Counts) -> int:
    """Loops that do not run at all."""
    return int((counts == 0).sum())


def _dense(layer: LinearLayer) -> Terms:
    rows, columns = layer.node.matrix.shape
    fours, alone, half, rest = rows // 4, rows % 4, columns % 8 // 4, columns % 4
    blocks = fours * (columns // 8), fours * half, fours * rest, fours * half * (rest > 0), fours * (columns < 8)
    single = alone * (columns // 4), alone * rest, alone
    return (*blocks, *single, *layer.vectors(np.full(fours, columns)), fours, *layer.each_row)


def _index(layer: LinearLayer) -> Terms:
    return (*_unrolled(layer.counts), *layer.tiles, *layer.each_row)


def _gather(layer: LinearLayer) -> Terms:
    return (*layer.vectors(layer.counts), _empty(layer.counts), *layer.tiles, *layer.each_row)


def _huffman(layer: LinearLayer) -> Terms:
    stream = layer.encoding.array("stream")
    words = stream.values.size if stream is not None else 0
    empty = _empty(np.count_nonzero(layer.node.matrix, axis=1))
    return (layer.node.nonzero, words, empty, *layer.each_row)


def _delta(layer: LinearLayer) -> Terms:
    return (*_unrolled(layer.counts), *layer.each_row)


def _grouped(layer: LinearLayer) -> Terms:
    vectors = int((-(-layer.counts // 16)).sum())
    return (*_unrolled(layer.counts), vectors, layer.counts.size, *layer.tiles, *layer.each_row)


def _blocks4x1(layer: LinearLayer) -> Terms:
    return (*_unrolled(layer.counts), *layer.tiles, -(-layer.rows // 4), *layer.each_row)


def _blocks1x4(layer: LinearLayer) -> Terms:
    tail = layer.encoding.constants["tail"]
    tails = (layer.rows * (tail == length) for length in (1, 2, 3))
    return (*_unrolled(layer.counts), *layer.tiles, *tails, *layer.each_row)


def _blocks1x16(layer: LinearLayer) -> Terms:
    blocks = int(layer.counts.sum())
    kinds = blocks * layer.is_signed, blocks * (not layer.is_signed)
    return (*kinds, _empty(layer.counts), *layer.tiles, *layer.each_row)


LINEAR_TERMS: dict[tuple[str, str], Callable[[LinearLayer], Terms]] = {
    ("linear", "dense"): _dense,
    ("linear", "index"): _index,
    ("linear", "gather"): _gather,
    ("linear", "huffman"): _huffman,
    ("linear", "delta"): _delta,
    ("linear", "grouped"): _grouped,
    ("linear", "blocks4x1"): _blocks4x1,
    ("linear", "blocks1x4"): _blocks1x4,
    ("linear", "blocks1x16"): _blocks1x16,
}
"""What the cost of each kernel is a sum of."""


def estimate_linear_cycles(layer: LinearLayer, core: CoreClass) -> int:
    """Estimated cycles of one layer, without flash stalls."""
    key = ("linear", layer.encoding.format)
    terms = LINEAR_TERMS[key](layer)
    return round(sum(c * term for c, term in zip(LINEAR_COEFFICIENTS[core][key], terms, strict=True)))


def estimate_select_cycles(encoding: Encoding | None, core: CoreClass) -> int:
    """Estimated cycles of a selection that is stored as ``encoding``: by element taken, and by run."""
    runs = encoding.array("runs") if encoding is not None else None
    if runs is None:
        return 0
    per_element, per_run = SELECT_COEFFICIENTS[core]["select"]
    return round(per_element * int(runs.values[1::2].sum()) + per_run * (runs.values.size // 2))
