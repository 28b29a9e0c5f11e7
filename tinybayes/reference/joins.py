"""Operators that put tensors together: float, and integer to the bit. Arrays are (samples, h, w, c)."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes.ir import Add, Concat, ConstantPad, Multiply

Array = npt.NDArray[Any]


def add(node: Add, a: Array, b: Array) -> Array:
    """``factors[0] * a + factors[1] * b``; a ``b`` of one position is used at every position."""
    if node.requant is not None:
        return node.requant.apply(a, b)
    return node.factors[0] * a + node.factors[1] * b


def multiply(node: Multiply, a: Array, b: Array) -> Array:
    """``a * b``, with ``b`` as in ``add``."""
    product: Array = a * b
    return product if node.requant is None else node.requant.apply(product)


def concat(node: Concat, *inputs: Array) -> Array:
    """The inputs one behind the other, each requantized where the output's grid differs."""
    requants = node.requants or (None,) * len(inputs)
    parts = [x if requant is None else requant.apply(x) for x, requant in zip(inputs, requants, strict=True)]
    return np.concatenate(parts, axis=1 + node.axis)


def constant_pad(node: ConstantPad, x: Array) -> Array:
    """``x`` in a frame of one value, or of its code."""
    inside = x if node.requant is None else node.requant.apply(x)
    widths = ((0, 0), *zip(node.before, node.behind, strict=True))
    is_integer = np.issubdtype(x.dtype, np.integer)
    return np.pad(inside, widths, constant_values=node.code if is_integer else node.value)
