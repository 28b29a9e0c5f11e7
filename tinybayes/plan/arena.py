"""Places buffers that live at the same time side by side, and others on top of each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

ALIGNMENT_BYTES = 4
_EXHAUSTIVE_BUFFERS = 7


@dataclass(frozen=True)
class Buffer:
    """Bytes of the arena that are in use from step ``first_step`` to ``last_step``, both included.

    The step that writes the buffer may have finished with the front of what it reads when it comes there: the buffer
    may then lie over the one called ``over``, if it begins at least ``lead_bytes`` before it.
    """

    name: str
    size_bytes: int
    first_step: int
    last_step: int
    offset: int = 0
    over: str = ""
    lead_bytes: int = 0

    @property
    def end(self) -> int:
        """First byte behind the buffer."""
        return self.offset + self.size_bytes

    def meets(self, other: "Buffer") -> bool:
        """Whether the two are ever alive in the same step."""
        return self.first_step <= other.last_step and other.first_step <= self.last_step


def place(buffers: Sequence[Buffer]) -> tuple[Buffer, ...]:
    """Buffers with offsets, in the given order.

    Each buffer goes to the lowest free offset. Up to 7 buffers, every order of placing is tried; beyond, the largest
    buffers are placed first (Pisarchyk and Lee, 2020, arXiv:2001.03288).
    """
    by_size = sorted(buffers, key=lambda buffer: (-buffer.size_bytes, buffer.first_step))
    orders: Iterable[Sequence[Buffer]] = (
        (tuple(by_size), *permutations(by_size)) if len(buffers) <= _EXHAUSTIVE_BUFFERS else (by_size,)
    )
    best = _best_fit(orders, most_bytes_alive(buffers))
    by_name = {buffer.name: buffer for buffer in best}
    return tuple(by_name[buffer.name] for buffer in buffers)


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


def _best_fit(orders: Iterable[Sequence[Buffer]], enough_bytes: int) -> list[Buffer]:
    """The first of the smallest placements; looks no further than one of ``enough_bytes``."""
    best: list[Buffer] | None = None
    for order in orders:
        placed = _first_fit(order)
        if best is None or arena_bytes(placed) < arena_bytes(best):
            best = placed
        if arena_bytes(best) <= enough_bytes:
            break
    return best or []


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
