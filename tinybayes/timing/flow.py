"""How execution passed through the code of one step: which instruction followed which, and how often."""

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tinybayes.errors import InternalError
from tinybayes.timing.instruction import Instruction
from tinybayes.timing.program import Program
from tinybayes.timing.trace import StepTrace


@dataclass(frozen=True)
class Block:
    """Instructions that were executed one after another whenever the first of them was.

    ``visits`` is how often, ``falls_in`` how often execution came from the instruction before the block in memory,
    and ``follows`` the block that this instruction ends, if it was executed.
    """

    instructions: tuple[Instruction, ...]
    visits: int
    falls_in: int
    follows: int | None

    @property
    def address(self) -> int:
        """The address of the first instruction."""
        return self.instructions[0].address

    @property
    def last(self) -> Instruction:
        """The last instruction."""
        return self.instructions[-1]


class Flow:
    """The control flow of one step: its blocks by address and the transfers between them."""

    def __init__(self, program: Program, step: StepTrace) -> None:
        self._program = program
        self._step = step

    @cached_property
    def blocks(self) -> Mapping[int, Block]:
        """All blocks that were executed, by the address of their first instruction, in ascending order.

        Raises InternalError where the trace contradicts itself or holds an instruction whose timing is not known.
        """
        return {block.address: block for block in self._split()}

    def block_of(self, address: int) -> int | None:
        """The address of the block that the instruction at ``address`` lies in, or None."""
        starts = self._starts
        index = bisect.bisect_right(starts, address) - 1
        if index < 0 or address >= self.blocks[starts[index]].last.end:
            return None
        return starts[index]

    @cached_property
    def _starts(self) -> list[int]:
        return sorted(self.blocks)

    @cached_property
    def taken(self) -> Mapping[int, int]:
        """How often each instruction, by address, transferred control away from the next one."""
        taken: dict[int, int] = {}
        for (source, _), count in sorted(self._step.edges.items()):
            taken[source] = taken.get(source, 0) + count
        return taken

    def transfers(self) -> Iterator[tuple[Instruction, Instruction | None, int]]:
        """Each edge: its source, its target where that is code of this step's program, and how often."""
        for (source, target), count in sorted(self._step.edges.items()):
            yield self._program.at(source), self._program.instructions.get(target), count

    def _split(self) -> Iterator[Block]:
        executed = self._step.executed
        targets = {target for _, target in self._step.edges}
        pending: list[Instruction] = []
        start: tuple[int, int, int | None] = (0, 0, None)
        for address in sorted(executed):
            instruction = self._program.at(address)
            count = executed[address]
            previous = pending[-1] if pending else None
            falls_in, follows = 0, None
            if previous is not None and previous.end == address:
                falls_in = executed[previous.address] - self.taken.get(previous.address, 0)
                if falls_in == count and address not in targets and previous.address not in self.taken:
                    pending.append(instruction)
                    continue
                if not 0 <= falls_in <= count:
                    raise InternalError(
                        f"a trace contradicts itself: {falls_in} arrivals from {previous} at {instruction}, which was "
                        f"executed {count} times"
                    )
                follows = pending[0].address if falls_in else None
            if pending:
                yield Block(tuple(pending), *start)
            pending = [instruction]
            start = (count, falls_in, follows)
        if pending:
            yield Block(tuple(pending), *start)
