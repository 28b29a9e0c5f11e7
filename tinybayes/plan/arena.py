"""Places buffers that live at the same time side by side, and others on top of each other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

ALIGNMENT_BYTES = 4
OPTIMAL_BUFFERS = 20
"""Up to so many buffers are placed as well as can be."""
_MOST_NODES = 100_000
"""Where the solver gives up; the best that it has found is taken then."""


@dataclass(frozen=True)
class Buffer:
    """Bytes of the arena that are in use from step ``first_step`` to ``last_step``, both included.

    The step that writes the buffer may have finished with the front of what it reads when it comes there: the buffer
    may then lie over the one called ``over``, if it begins at least ``lead_bytes`` before it; with ``in_place`` it
    begins where that one begins.
    """

    name: str
    size_bytes: int
    first_step: int
    last_step: int
    offset: int = 0
    over: str = ""
    lead_bytes: int = 0
    in_place: bool = False

    @property
    def end(self) -> int:
        """First byte behind the buffer."""
        return self.offset + self.size_bytes

    def meets(self, other: "Buffer") -> bool:
        """Whether the two are ever alive in the same step."""
        return self.first_step <= other.last_step and other.first_step <= self.last_step


def place(buffers: Sequence[Buffer]) -> tuple[Buffer, ...]:
    """Buffers with offsets, in the given order.

    The largest buffers go first, or those that are largest and live longest, each to the lowest free offset
    (Pisarchyk and Lee, 2020, arXiv:2001.03288). Where that takes more than is ever alive at once, up to 20 buffers are
    placed by a solver, which proves that there is no smaller arena. What is written in place is placed as one buffer.
    """
    owners = _owners(buffers)
    offsets = {buffer.name: buffer.offset for buffer in _place(_merged(buffers, owners))}
    return tuple(replace(buffer, offset=offsets[owners[buffer.name]]) for buffer in buffers)


def _owners(buffers: Sequence[Buffer]) -> dict[str, str]:
    """The buffer that each is placed with: itself, or the first one of those written in place over each other."""
    owners: dict[str, str] = {}
    for buffer in sorted(buffers, key=lambda buffer: buffer.first_step):
        owners[buffer.name] = owners[buffer.over] if buffer.in_place else buffer.name
    return owners


def _merged(buffers: Sequence[Buffer], owners: Mapping[str, str]) -> list[Buffer]:
    """What is placed: each owner, alive as long as what is written into it in place."""
    merged = {b.name: replace(b, over=owners.get(b.over, "")) for b in buffers if not b.in_place}
    for buffer in buffers:
        if buffer.in_place:
            owner = merged[owners[buffer.name]]
            size_bytes, last_step = max(owner.size_bytes, buffer.size_bytes), max(owner.last_step, buffer.last_step)
            merged[owner.name] = replace(owner, size_bytes=size_bytes, last_step=last_step)
    return list(merged.values())


def _place(buffers: Sequence[Buffer]) -> tuple[Buffer, ...]:
    placed = min((_first_fit(sorted(buffers, key=order)) for order in _ORDERS), key=arena_bytes)
    if arena_bytes(placed) > least_bytes(buffers) and len(buffers) <= OPTIMAL_BUFFERS:
        placed = _smallest(buffers, placed)
    by_name = {buffer.name: buffer for buffer in placed}
    return tuple(by_name[buffer.name] for buffer in buffers)


_ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda buffer: (-buffer.size_bytes, buffer.first_step),
    lambda buffer: (-buffer.size_bytes * (1 + buffer.last_step - buffer.first_step), buffer.first_step),
    lambda buffer: (buffer.first_step - buffer.last_step, -buffer.size_bytes, buffer.first_step),
)


def least_bytes(buffers: Sequence[Buffer]) -> int:
    """No arena can be smaller."""
    return max((least_bytes_in(buffers, step) for step in {buffer.first_step for buffer in buffers}), default=0)


def least_bytes_in(buffers: Sequence[Buffer], step: int) -> int:
    """What the arena must hold in ``step``: of the buffers alive, all but the last one end where another may begin."""
    alive = [b for b in buffers if b.first_step <= step <= b.last_step]
    names = {buffer.name for buffer in alive}
    if any(buffer.over in names for buffer in alive) or not alive:
        return bytes_alive(buffers, step)
    whole = [_units(buffer.size_bytes) * ALIGNMENT_BYTES for buffer in alive]
    spare = max(size - buffer.size_bytes for size, buffer in zip(whole, alive, strict=True))
    return sum(whole) - spare


def arena_bytes(buffers: Iterable[Buffer]) -> int:
    """Bytes that an arena needs for ``buffers``."""
    return max((buffer.end for buffer in buffers), default=0)


def most_bytes_alive(buffers: Sequence[Buffer]) -> int:
    """The most bytes in use in any step, what may be shared counted once: no arena can be smaller."""
    return max((bytes_alive(buffers, buffer.first_step) for buffer in buffers), default=0)


def bytes_alive(buffers: Sequence[Buffer], step: int) -> int:
    """Bytes in use in ``step``; a buffer over another takes what it adds to it at least."""
    alive = {b.name: b for b in buffers if b.first_step <= step <= b.last_step}
    shared = 0
    for buffer in alive.values():
        if buffer.over in alive:
            under = alive[buffer.over]
            union = max(buffer.size_bytes, buffer.lead_bytes + under.size_bytes)
            shared += max(0, buffer.size_bytes + under.size_bytes - union)
    return sum(b.size_bytes for b in alive.values()) - shared


def _smallest(buffers: Sequence[Buffer], known: Sequence[Buffer]) -> list[Buffer]:
    """The smallest placement, by mixed-integer programming; ``known`` is one that exists.

    Of two buffers that meet, one begins a gap behind the other; a binary variable says which. Offsets are counted in
    units of the alignment.
    """
    pairs = [(a, b) for a, b in combinations(range(len(buffers)), 2) if buffers[a].meets(buffers[b])]
    count = len(buffers)
    most = _units(arena_bytes(known))
    columns = count + len(pairs) + 1  # offsets, which of a pair comes first, bytes of the arena
    rows, least = [], []
    for number, (a, b) in enumerate(pairs):
        for before, behind, first in ((a, b, 1), (b, a, 0)):
            # offset[behind] - offset[before] >= gap, unless the pair is the other way round
            row = np.zeros(columns)
            row[behind], row[before] = 1, -1
            row[count + number] = -most if first else most
            rows.append(row)
            least.append(_units(_gap_bytes(buffers[before], buffers[behind])) - (most if first else 0))
    for number, buffer in enumerate(buffers):
        row = np.zeros(columns)
        row[-1], row[number] = 1, -ALIGNMENT_BYTES
        rows.append(row)
        least.append(buffer.size_bytes)
    cost, whole = np.zeros(columns), np.ones(columns)
    cost[-1] = 1
    low, high = np.zeros(columns), np.full(columns, float(most))
    high[:count] -= [_units(buffer.size_bytes) for buffer in buffers]
    high[count:-1] = 1
    low[-1], high[-1] = least_bytes(buffers), arena_bytes(known)
    solved = milp(cost, integrality=whole, bounds=Bounds(low, high), constraints=LinearConstraint(rows, least, np.inf),
                  options={"node_limit": _MOST_NODES})  # fmt: skip
    if solved.x is None:
        return list(known)
    offsets = np.rint(solved.x[:count]).astype(int) * ALIGNMENT_BYTES
    return [replace(buffer, offset=int(offset)) for buffer, offset in zip(buffers, offsets, strict=True)]


def _gap_bytes(before: Buffer, behind: Buffer) -> int:
    """How far behind the start of one buffer another must begin at least."""
    return min(before.size_bytes, before.lead_bytes) if before.over == behind.name else before.size_bytes


def _units(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT_BYTES)


def _first_fit(order: Sequence[Buffer]) -> list[Buffer]:
    placed: list[Buffer] = []
    for buffer in order:
        taken = [_taken(buffer, other) for other in placed if other.meets(buffer)]
        ends = sorted(-(-max(end, 0) // ALIGNMENT_BYTES) * ALIGNMENT_BYTES for _, end in taken)
        offset = next(at for at in (0, *ends) if not any(start < at < end for start, end in taken))
        placed.append(replace(buffer, offset=offset))
    return placed


def _taken(buffer: Buffer, other: Buffer) -> tuple[int, int]:
    """Between which offsets, both excluded, ``buffer`` cannot begin because of ``other``."""
    start, end = other.offset - buffer.size_bytes, other.end
    if buffer.over == other.name:
        start = max(start, other.offset - buffer.lead_bytes)
    if other.over == buffer.name:
        end = min(end, other.offset + other.lead_bytes)
    return start, end
