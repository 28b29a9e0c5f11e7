"""Estimated cycles of a step, to choose between kernels; never reported as a measurement.

A formula is a sum of terms, the same on every core; what each term costs is in ``plan/coefficients.py``, by class of
core, as ``scripts/fit_cost.py`` fits it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinybayes.ir import MacNode
from tinybayes.plan.coefficients import COEFFICIENTS, SELECT_COEFFICIENTS
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.formats import Encoding
from tinybayes.plan.walk import Walk

NO_WALK = Walk(0, 0, 0)


@dataclass(frozen=True)
class MacShape:
    """What the cost of a layer with weights depends on; a row has ``segments`` of ``columns``.

    ``blocks`` counts the fours of neighbouring columns of a segment that are not all zero.
    """

    rows: int
    columns: int
    segments: int
    nonzero: int
    positions: int
    blocks: int
    walk: Walk

    @property
    def weights(self) -> int:
        """Weights, zeros included."""
        return self.rows * self.segments * self.columns

    @property
    def tiles(self) -> int:
        """256-wide tiles of all rows."""
        return self.rows * self.segments * -(-self.columns // 256)

    @property
    def groups(self) -> int:
        """Fours of positions, the last one filled up."""
        return -(-self.positions // 4)

    def products(self, entries: int) -> tuple[int, int]:
        """How often ``entries`` of all rows are used, at four positions together and at single ones."""
        return entries * self.walk.fours, entries * self.walk.singles

    @property
    def codes(self) -> int:
        """Accumulators and sums that are requantized."""
        return self.rows * self.walk.codes


Terms = Callable[[MacShape], tuple[int, ...]]

TERMS: dict[tuple[str, str], Terms] = {
    ("linear", "dense"): lambda s: (s.weights, s.rows),
    ("linear", "index"): lambda s: (s.nonzero, s.tiles, s.rows),
    ("linear", "gather"): lambda s: (s.nonzero, s.tiles, s.rows),
    ("linear", "huffman"): lambda s: (s.nonzero, s.rows),
    ("conv", "dense"): lambda s: (s.weights * s.groups, s.rows * s.groups, s.codes, s.columns * s.segments * s.groups),
    ("conv", "index"): lambda s: (*s.products(s.nonzero), *s.products(s.rows), s.codes, s.nonzero + s.tiles),
    ("conv", "huffman"): lambda s: (*s.products(s.nonzero), *s.products(s.rows), s.codes, s.nonzero),
    ("conv", "pairs"): lambda s: (*s.products(s.nonzero), *s.products(s.rows), s.codes),
    ("conv", "blocks"): lambda s: (*s.products(s.blocks), *s.products(s.rows), s.codes),
}
"""What the cost of each kernel is a sum of."""


def mac_shape(node: MacNode, positions: int, walk: Walk = NO_WALK) -> MacShape:
    """The shape of ``node`` at ``positions`` output positions."""
    outputs, segments, width, channels = node.weight.shape
    columns = width * channels
    padded = np.pad(node.weight.reshape(outputs, segments, columns), ((0, 0), (0, 0), (0, -columns % 4)))
    blocks = int(padded.reshape(-1, 4).any(axis=1).sum())
    return MacShape(outputs, columns, segments, node.nonzero, positions, blocks, walk)


def estimate_cycles(node: MacNode, weight_format: str, positions: int, core: CoreClass, walk: Walk = NO_WALK) -> int:
    """Estimated cycles of ``node`` in ``weight_format`` at ``positions`` output positions, without flash stalls."""
    key = (node.op, weight_format)
    terms = TERMS[key](mac_shape(node, positions, walk))
    return round(sum(c * term for c, term in zip(COEFFICIENTS[core][key], terms, strict=True)))


def estimate_select_cycles(encoding: Encoding | None, core: CoreClass) -> int:
    """Estimated cycles of a selection that is stored as ``encoding``: by element taken, and by run."""
    runs = encoding.array("runs") if encoding is not None else None
    if runs is None:
        return 0
    per_element, per_run = SELECT_COEFFICIENTS[core]
    return round(per_element * int(runs.values[1::2].sum()) + per_run * (runs.values.size // 2))
