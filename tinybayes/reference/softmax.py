"""Integer softmax: exponentials from a table, one reciprocal of 32-bit arithmetic for a vector, no division."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes.ir import Softmax

Array = npt.NDArray[Any]


def softmax(node: Softmax, x: Array) -> Array:
    """Codes of the softmax over the last axis; float64 values where ``node`` has no table."""
    largest = x.max(axis=-1, keepdims=True)
    if node.exponentials is None:
        powers = np.exp(x - largest)
        real: Array = powers / powers.sum(axis=-1, keepdims=True)
        return real
    table = node.exponentials.astype(np.int64)
    exponentials = table[np.minimum(largest - x, table.size - 1)]
    divisor, shift = _normalized(exponentials.sum(axis=-1, keepdims=True))
    # One probability of 1 becomes 127 or 255: seven or eight bits.
    bits = int(node.high).bit_length()
    factor = reciprocal(divisor) * node.high >> bits
    codes: Array = ((exponentials * factor >> 8) + (1 << 22 - bits + shift)) >> 23 - bits + shift
    return codes


def reciprocal(divisor: Array) -> Array:
    """``2**31 / divisor`` for a divisor in 2**15 .. 2**16 - 1, about 2**-14 of it too small at most.

    Newton's iteration x (2 - d x) from the best straight line, 48/17 - 32/17 d for d in 0.5 .. 1, which is off by 1/17
    at most: two steps leave 1/17**4. Every product is below 2**32.
    """
    guess = 92521 - (divisor * 30840 >> 15)
    for _ in range(2):
        guess = guess * ((1 << 32) - divisor * guess >> 16) >> 15
    return guess


def _normalized(total: Array) -> tuple[Array, Array]:
    """(``total >> shift`` in 2**15 .. 2**16 - 1, shift) for a total in 2**15 .. 2**31 - 1."""
    shift = np.zeros_like(total)
    for step in (8, 4, 2, 1):
        shift += step * (total >> shift + step + 15 > 0)
    return total >> shift, shift
