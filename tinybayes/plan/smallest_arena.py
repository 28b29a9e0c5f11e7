"""The smallest arena for a few buffers, by mixed-integer programming."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp

from tinybayes.plan.buffers import ALIGNMENT_BYTES, Buffer, arena_bytes, gap_bytes, least_bytes, units

_MOST_NODES = 100_000
"""Where the solver gives up; the best that it has found is taken then."""
_OPTIMAL = 0

_Row = npt.NDArray[np.float64]


def smallest(buffers: Sequence[Buffer], known: Sequence[Buffer]) -> tuple[list[Buffer], bool]:
    """The smallest placement, and whether it was proved that there is no smaller one; ``known`` is one that exists.

    Of two buffers that meet, one begins a gap behind the other; a binary variable says which. Offsets are counted in
    units of the alignment.
    """
    pairs = [(a, b) for a, b in combinations(range(len(buffers)), 2) if buffers[a].meets(buffers[b])]
    count = len(buffers)
    most = units(arena_bytes(known))
    columns = count + len(pairs) + 1  # offsets, which of a pair comes first, bytes of the arena
    rows: list[_Row] = []
    least: list[int] = []
    for number, (a, b) in enumerate(pairs):
        for before, behind, first in ((a, b, 1), (b, a, 0)):
            # offset[behind] - offset[before] >= gap, unless the pair is the other way round
            row = np.zeros(columns)
            row[behind], row[before] = 1, -1
            row[count + number] = -most if first else most
            rows.append(row)
            least.append(units(gap_bytes(buffers[before], buffers[behind])) - (most if first else 0))
    for number, buffer in enumerate(buffers):
        row = np.zeros(columns)
        row[-1], row[number] = 1, -ALIGNMENT_BYTES
        rows.append(row)
        least.append(buffer.size_bytes)
    firsts = {pair: count + number for number, pair in enumerate(pairs)}
    for stack in _stacks(buffers):
        for number in stack:
            for row, needed in _stacked(buffers, stack, number, firsts, columns):
                rows.append(row)
                least.append(needed)
    cost, whole = np.zeros(columns), np.ones(columns)
    cost[-1] = 1
    low, high = np.zeros(columns), np.full(columns, float(most))
    high[:count] -= [units(buffer.size_bytes) for buffer in buffers]
    high[count:-1] = 1
    low[-1], high[-1] = least_bytes(buffers), arena_bytes(known)
    # Without the gap of 0, the solver would stop within 1/10,000 of the smallest.
    solved = milp(cost, integrality=whole, bounds=Bounds(low, high), constraints=LinearConstraint(rows, least, np.inf),
                  options={"node_limit": _MOST_NODES, "mip_rel_gap": 0.0})  # fmt: skip
    if solved.x is None:
        return list(known), False
    offsets = np.rint(solved.x[:count]).astype(int) * ALIGNMENT_BYTES
    placed = [replace(buffer, offset=int(offset)) for buffer, offset in zip(buffers, offsets, strict=True)]
    return placed, solved.status == _OPTIMAL


def _stacked(
    buffers: Sequence[Buffer], stack: Sequence[int], number: int, firsts: dict[tuple[int, int], int], columns: int
) -> list[tuple[_Row, int]]:
    """What follows for one buffer of a stack: those before it lie below it, and those behind it above.

    The rules for pairs say so too, for whole numbers. These hold for fractions as well, without which the solver proves
    little: with them, 20 random buffers take some hundred nodes.
    """
    below, above = np.zeros(columns), np.zeros(columns)
    below[number] = 1
    above[number], above[-1] = -ALIGNMENT_BYTES, 1
    below_least, above_least = 0, units(buffers[number].size_bytes)
    for other in stack:
        if other == number:
            continue
        size, first = units(buffers[other].size_bytes), firsts[min(number, other), max(number, other)]
        if other < number:  # the variable is 1 where the other comes first
            below[first], above[first] = -size, size * ALIGNMENT_BYTES
            above_least += size
        else:
            below[first], above[first] = size, -size * ALIGNMENT_BYTES
            below_least += size
    # The topmost buffer need not end at a whole unit.
    return [(below, below_least), (above, (above_least - 1) * ALIGNMENT_BYTES + 1)]


def _stacks(buffers: Sequence[Buffer]) -> list[tuple[int, ...]]:
    """Buffers, by number, that all meet and lie apart: of two that may overlap, the larger one."""
    stacks = set()
    for step in {buffer.first_step for buffer in buffers}:
        alive = {k for k, b in enumerate(buffers) if b.first_step <= step <= b.last_step}
        by_name = {buffers[k].name: k for k in alive}
        for k in sorted(alive):
            under = by_name.get(buffers[k].over)
            if under in alive and k in alive:
                alive.remove(min(k, under, key=lambda one: buffers[one].size_bytes))
        stacks.add(tuple(sorted(alive)))
    return sorted(one for one in stacks if len(one) > 1 and not any(set(one) < set(other) for other in stacks))
