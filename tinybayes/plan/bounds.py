"""How large accumulators can become, and what that spares in their requantization."""

import numpy as np
import numpy.typing as npt

from tinybayes.ir import MacNode
from tinybayes.ir.requant import INT16_MAX, INT16_MIN, Requant

_INT32_MAX = 2**31 - 1


def row_bounds(node: MacNode, code_range: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Largest absolute accumulator of each output that any input within ``code_range`` can cause: int64 (outputs,)."""
    largest = max(abs(code) for code in code_range)
    sums = abs(node.matrix.astype(np.int64)).sum(axis=1)
    bounds: npt.NDArray[np.int64] = sums * largest + abs(node.bias.astype(np.int64))
    return bounds


def accumulator_bound(node: MacNode, code_range: tuple[int, int]) -> int:
    """Largest absolute accumulator of the layer."""
    return int(row_bounds(node, code_range).max())


def must_clamp(requant: Requant, bound: int, multiplier: int, spare: int = 0) -> bool:
    """Whether an accumulator of at most ``bound`` must be clamped to 16 bits after the first shift.

    It need not be where no product overflows 32 bits, ``spare`` left over, and the last clamp takes care of whatever
    lies beyond 16 bits.
    """
    largest, half = (bound >> requant.pre_shift) + 1, 1 << (requant.post_shift - 1)
    if largest <= INT16_MAX:
        return False
    if largest * multiplier + half + spare > _INT32_MAX:
        return True
    high, low = (code * multiplier + half >> requant.post_shift for code in (INT16_MAX, INT16_MIN))
    return high < requant.high or low > requant.low
