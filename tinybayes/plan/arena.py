"""Places buffers that live at the same time side by side, and others on top of each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

ALIGNMENT_BYTES = 4
_EXHAUSTIVE_BUFFERS = 7


@dataclass(frozen=True)
class Buffer:
    """Bytes of the arena that are in use from step ``first_step`` to ``last_step``, both included."""

    name: str
    size_bytes: int
    first_step: int
    last_step: int
    offset: int = 0

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
    """The most bytes in use in any step: no arena can be smaller."""
    starts = {buffer.first_step for buffer in buffers}
    alive = (sum(b.size_bytes for b in buffers if b.first_step <= step <= b.last_step) for step in starts)
    return max(alive, default=0)


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
        offset = 0
        for other in sorted((p for p in placed if p.meets(buffer)), key=lambda p: p.offset):
            if offset + buffer.size_bytes <= other.offset:
                break
            offset = max(offset, -(-other.end // ALIGNMENT_BYTES) * ALIGNMENT_BYTES)
        placed.append(replace(buffer, offset=offset))
    return placed
