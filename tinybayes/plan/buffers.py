"""Buffers of the arena: how long each lives, what may lie over what, and what they take at least."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ALIGNMENT_BYTES = 4


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


def least_bytes(buffers: Sequence[Buffer]) -> int:
    """No arena can be smaller."""
    return max((least_bytes_in(buffers, step) for step in {buffer.first_step for buffer in buffers}), default=0)


def least_bytes_in(buffers: Sequence[Buffer], step: int) -> int:
    """What the arena must hold in ``step``: of the buffers alive, all but the last one end where another may begin."""
    alive = [b for b in buffers if b.first_step <= step <= b.last_step]
    names = {buffer.name for buffer in alive}
    if any(buffer.over in names for buffer in alive) or not alive:
        return bytes_alive(buffers, step)
    whole = [units(buffer.size_bytes) * ALIGNMENT_BYTES for buffer in alive]
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


def gap_bytes(before: Buffer, behind: Buffer) -> int:
    """How far behind the start of one buffer another must begin at least."""
    return min(before.size_bytes, before.lead_bytes) if before.over == behind.name else before.size_bytes


def units(size_bytes: int) -> int:
    """Bytes in units of the alignment, rounded up."""
    return -(-size_bytes // ALIGNMENT_BYTES)
