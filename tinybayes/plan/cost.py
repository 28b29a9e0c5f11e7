"""Estimated cycles of fully connected layers and selections, to choose between kernels; never reported as measured.

A formula is a sum of terms, the same on every core; what each term costs is in ``plan/coefficients.py``, by class of
core, as ``scripts/fit_cost.py`` fits it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tinybayes.ir import MacNode
from tinybayes.plan.coefficients import COEFFICIENTS, SELECT_COEFFICIENTS
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.formats import Encoding


@dataclass(frozen=True)
class MacShape:
    """What the cost of a layer with weights depends on; a row has ``segments`` of ``columns``."""

    rows: int
    columns: int
    segments: int
    nonzero: int

    @property
    def weights(self) -> int:
        """Weights, zeros included."""
        return self.rows * self.segments * self.columns

    @property
    def tiles(self) -> int:
        """256-wide tiles of all rows."""
        return self.rows * self.segments * -(-self.columns // 256)


Terms = Callable[[MacShape], tuple[int, ...]]

TERMS: dict[tuple[str, str], Terms] = {
    ("linear", "dense"): lambda s: (s.weights, s.rows),
    ("linear", "index"): lambda s: (s.nonzero, s.tiles, s.rows),
    ("linear", "gather"): lambda s: (s.nonzero, s.tiles, s.rows),
    ("linear", "huffman"): lambda s: (s.nonzero, s.rows),
}
"""What the cost of each kernel is a sum of."""


def mac_shape(node: MacNode) -> MacShape:
    """The shape of ``node``."""
    outputs, segments, width, channels = node.weight.shape
    return MacShape(outputs, width * channels, segments, node.nonzero)


def estimate_cycles(node: MacNode, weight_format: str, core: CoreClass) -> int:
    """Estimated cycles of ``node`` in ``weight_format``, without flash stalls."""
    key = (node.op, weight_format)
    terms = TERMS[key](mac_shape(node))
    return round(sum(c * term for c, term in zip(COEFFICIENTS[core][key], terms, strict=True)))


def estimate_select_cycles(encoding: Encoding | None, core: CoreClass) -> int:
    """Estimated cycles of a selection that is stored as ``encoding``: by element taken, and by run."""
    runs = encoding.array("runs") if encoding is not None else None
    if runs is None:
        return 0
    per_element, per_run = SELECT_COEFFICIENTS[core]
    return round(per_element * int(runs.values[1::2].sum()) + per_run * (runs.values.size // 2))
