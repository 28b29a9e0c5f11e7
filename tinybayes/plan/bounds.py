"""How large accumulators can become, and what that spares in their requantization."""

import numpy as np
import numpy.typing as npt

from tinybayes.ir import MacNode
from tinybayes.ir.requant import INT16_MAX, INT16_MIN


def row_bounds(node: MacNode, code_range: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Largest absolute accumulator of each output that any input within ``code_range`` can cause: int64 (outputs,)."""
    largest = max(abs(code) for code in code_range)
    sums = abs(node.matrix.astype(np.int64)).sum(axis=1)
    bounds: npt.NDArray[np.int64] = sums * largest + abs(node.bias.astype(np.int64))
    return bounds


def accumulator_bound(node: MacNode, code_range: tuple[int, int]) -> int:
    """Largest absolute accumulator of the layer."""
    return int(row_bounds(node, code_range).max())


def can_saturate(bound: int, pre_shift: int) -> bool:
    """Whether an accumulator of at most ``bound`` can leave 16 bits after the first shift."""
    shifted = bound >> pre_shift
    return shifted > INT16_MAX or -shifted - 1 < INT16_MIN
