"""Places buffers that live at the same time side by side, and others on top of each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tinybayes.plan.buffers import (
    ALIGNMENT_BYTES,
    Buffer,
    arena_bytes,
    bytes_alive,
    least_bytes,
    least_bytes_in,
    most_bytes_alive,
)
from tinybayes.plan.smallest_arena import smallest

OPTIMAL_BUFFERS = 20
"""Up to so many buffers are placed as well as can be."""

__all__ = [
    "ALIGNMENT_BYTES",
    "OPTIMAL_BUFFERS",
    "Buffer",
    "Placement",
    "arena_bytes",
    "bytes_alive",
    "least_bytes",
    "least_bytes_in",
    "most_bytes_alive",
    "place",
    "placement",
]


@dataclass(frozen=True)
class Placement:
    """Buffers with offsets; ``smallest`` says that it was proved that no arena for them is smaller."""

    buffers: tuple[Buffer, ...]
    smallest: bool


def place(buffers: Sequence[Buffer]) -> tuple[Buffer, ...]:
    """Buffers with offsets, in the given order: those of :func:`placement`."""
    return placement(buffers).buffers


def placement(buffers: Sequence[Buffer]) -> Placement:
    """Buffers with offsets, in the given order.

    The largest buffers go first, or those that are largest and live longest, each to the lowest free offset
    (Pisarchyk and Lee, 2020, arXiv:2001.03288). Where that takes more than is ever alive at once, up to 20 buffers are
    placed by a solver, which proves that there is no smaller arena. What is written in place is placed as one buffer.
    """
    owners = _owners(buffers)
    placed = _place(_merged(buffers, owners))
    offsets = {buffer.name: buffer.offset for buffer in placed.buffers}
    moved = tuple(replace(buffer, offset=offsets[owners[buffer.name]]) for buffer in buffers)
    return Placement(moved, placed.smallest)


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


def _place(buffers: Sequence[Buffer]) -> Placement:
    placed = min((_first_fit(sorted(buffers, key=order)) for order in _ORDERS), key=arena_bytes)
    proved = arena_bytes(placed) <= least_bytes(buffers)
    if not proved and len(buffers) <= OPTIMAL_BUFFERS:
        placed, proved = smallest(buffers, placed)
    by_name = {buffer.name: buffer for buffer in placed}
    return Placement(tuple(by_name[buffer.name] for buffer in buffers), proved)


_ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda buffer: (-buffer.size_bytes, buffer.first_step),
    lambda buffer: (-buffer.size_bytes * (1 + buffer.last_step - buffer.first_step), buffer.first_step),
    lambda buffer: (buffer.first_step - buffer.last_step, -buffer.size_bytes, buffer.first_step),
)


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
