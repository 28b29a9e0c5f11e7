"""Index arrays as nested loops."""

import numpy as np
import numpy.typing as npt

LOOPS = 3


def nested_loops(positions: npt.NDArray[np.int64]) -> tuple[int, list[tuple[int, int]]] | None:
    """(offset, (size, stride) of each loop, the outermost first) that run through ``positions``, int64 (elements,).

    None where no loops do that go forward.

    >>> nested_loops(np.arange(24).reshape(2, 3, 4).transpose(0, 2, 1).reshape(-1))
    (0, [(2, 12), (4, 1), (3, 4)])
    """
    offset = int(positions[0])
    rest = positions - offset
    loops: list[tuple[int, int]] = []
    while rest.size > 1:
        stride = int(rest[1])
        breaks = np.flatnonzero(np.diff(rest) != stride)
        size = int(breaks[0]) + 1 if breaks.size else rest.size
        if stride < 0 or rest.size % size:
            return None
        inner = np.arange(size) * stride
        outer = rest[::size]
        if size == 1 or not np.array_equal((outer[:, None] + inner).reshape(-1), rest):
            return None
        loops.insert(0, (size, stride))
        rest = outer
    return offset, loops
