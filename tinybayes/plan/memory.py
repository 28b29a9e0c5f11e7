"""The RAM that candidates need together: the arena, with all that lies in place or over what has been read."""

from collections.abc import Hashable, Sequence
from functools import cached_property

from tinybayes.ir import Conv
from tinybayes.plan import arena
from tinybayes.plan.arena import Buffer
from tinybayes.plan.candidates import Candidate
from tinybayes.plan.formats import UNPACKED, dense, planes
from tinybayes.plan.layout import buffers_of
from tinybayes.plan.overlap import lead_bytes
from tinybayes.plan.steps import PAD, Step, with_margins


class Memory:
    """What the arena of ``chosen``, one candidate of each part, is needed for."""

    def __init__(self, chosen: Sequence[Candidate]) -> None:
        self.steps = with_margins([step for candidate in chosen for step in candidate.steps])
        self.buffers = buffers_of(self.steps)
        self._part_of = {step.name: part for part, candidate in enumerate(chosen) for step in candidate.steps}

    @cached_property
    def placed(self) -> tuple[Buffer, ...]:
        """The buffers in their places."""
        return arena.place(self.buffers)

    @property
    def arena_bytes(self) -> int:
        """Bytes of the arena."""
        return arena.arena_bytes(self.placed)

    @property
    def fullest(self) -> tuple[Step, int]:
        """The step during which most bytes of the arena are in use, and how many."""
        alive = ((step, arena.bytes_alive(self.buffers, k)) for k, step in enumerate(self.steps))
        return max(alive, key=lambda pair: pair[1])

    def parts_beyond(self, room_bytes: int) -> list[tuple[int, ...]]:
        """Parts that need more than ``room_bytes`` in a step, for each such step.

        Whatever the others are, they do so as long as they treat memory alike (:func:`treatment`): how large a buffer
        is depends on the steps that write and read it alone.
        """
        crowded = [k for k in range(len(self.steps)) if arena.least_bytes_in(self.buffers, k) > room_bytes]
        return sorted({self._parts_alive_in(k) for k in crowded})

    def _parts_alive_in(self, k: int) -> tuple[int, ...]:
        alive = {buffer.name for buffer in self.buffers if buffer.first_step <= k <= buffer.last_step}
        parts = self._parts_of(self.steps[k])
        for step in self.steps:
            if alive & {step.tensor, *(source.tensor.name for source in step.sources)}:
                parts |= self._parts_of(step)
        return tuple(sorted(parts))

    def _parts_of(self, step: Step) -> set[int]:
        """The part of a step; a copy between margins is there for those that read it."""
        if step.op != PAD:
            return {self._part_of[step.name]}
        readers = (s for s in self.steps if step.tensor in (source.tensor.name for source in s.sources))
        return {self._part_of[reader.name] for reader in readers if reader.op != PAD}


def treatment(candidate: Candidate) -> Hashable:
    """What decides how a candidate uses memory: of two that have the same, one is as good as the other."""
    return tuple(
        (
            step.name,
            step.source.margins,
            step.scratch_bytes,
            isinstance(step.node, Conv) and step.format in (dense.NAME, planes.NAME, *UNPACKED) and step.format,
            step.reads_columns,
            step.format == planes.NAME and step.planes,
        )
        for step in with_margins(candidate.steps)
    )


def bytes_alone(candidate: Candidate) -> int:
    """Bytes that the steps of a candidate read, write and work in, each by itself: a guess at what is scarce."""
    total = 0
    for step in with_margins(candidate.steps):
        if step.op == PAD:
            continue
        read, written = sum(source.total_bytes for source in step.sources), step.target.total_bytes
        lead = lead_bytes(step)
        if lead is not None:
            written = max(0, written - step.source.total_bytes, lead)
        total += step.scratch_bytes + read + written
    return total
