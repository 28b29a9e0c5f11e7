"""Zeros of a convolution that have a pattern: groups of channels, one channel for each output, dilation.

A grouped or dilated convolution is a convolution some of whose weights are zero because of its shape. The operator
need not say so: whatever put the zeros there, a weight format may leave them out.
"""

from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt

from tinybayes.ir import Conv, MacNode, Node


@dataclass(frozen=True)
class Taps:
    """Kernel positions that matter: ``height`` by ``width`` of them, ``down`` and ``right`` apart, from the first."""

    height: int
    width: int
    down: int
    right: int

    def of(self, weight: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """The weight (outputs, kernel height, kernel width, channels) at these positions alone."""
        return weight[:, :: self.down, :: self.right]


def taps_of(node: MacNode) -> Taps:
    """The coarsest lattice from the first to the last kernel position that has all nonzeros of ``node``."""
    used = node.weight != 0
    rows, columns = used.any(axis=(0, 2, 3)), used.any(axis=(0, 1, 3))
    down, right = _spacing(rows), _spacing(columns)
    return Taps((rows.size - 1) // down + 1, (columns.size - 1) // right + 1, down, right)


def outputs_of_each_channel(node: Node | None) -> int | None:
    """How many outputs read each input channel, where every output reads one and they stand in its order; else None.

    One channel has no others beside it: a convolution of a single channel is none of these.
    """
    if not isinstance(node, Conv) or node.weight.shape[3] == 1 or node.outputs % node.weight.shape[3]:
        return None
    each = node.outputs // node.weight.shape[3]
    return each if _is_grouped(node, int(node.weight.shape[3])) else None


def groups_of(node: MacNode) -> int:
    """The most groups of channels, all of one size and in order, between which all weights are zero; at least 1."""
    most = gcd(node.outputs, int(node.weight.shape[3]))
    return next(n for n in range(most, 0, -1) if most % n == 0 and _is_grouped(node, n))


def _is_grouped(node: MacNode, groups: int) -> bool:
    outputs, height, width, channels = node.weight.shape
    shape = (groups, outputs // groups, height, width, groups, channels // groups)
    used = np.any(node.weight.reshape(shape) != 0, axis=(1, 2, 3, 5))
    return not np.any(used & ~np.eye(groups, dtype=bool))


def _spacing(used: npt.NDArray[np.bool_]) -> int:
    """The largest distance of positions, the last among them, that leaves out no used one."""
    return max(1, gcd(used.size - 1, *np.flatnonzero(used).tolist()))
