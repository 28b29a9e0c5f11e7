"""The timing model of a core that issues in order by rules of its own: blocks are scheduled where they follow each
other.

What a block costs depends on what was executed before it. Each block is therefore scheduled behind each block that it
followed, which in turn is scheduled behind the ones that were executed most often before; the cost is by how much the
block comes later to its end than the block before it. A loop is so scheduled behind its own earlier passes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tinybayes.timing.flow import Block, Flow
from tinybayes.timing.instruction import Instruction, Kind
from tinybayes.timing.issue import IssueRules, Pipeline

_CONTEXT_INSTRUCTIONS = 32
_CONTEXT_BLOCKS = 6
_CONDITIONAL = frozenset({Kind.BRANCH, Kind.COMPARE_BRANCH})


@dataclass(frozen=True)
class _Arrival:
    """``count`` arrivals at a block from the end of another, by a taken branch or in sequence."""

    before: int
    count: int
    taken: bool


@dataclass(frozen=True)
class InOrderModel:
    """A core with issue rules.

    ``mispredicted_cycles`` is lost by each conditional branch that goes the rarer of its two ways, as a loop's does at
    its end, and ``unpredicted_cycles`` by each branch to an address in a register. ``loop_end_cycles`` is what a
    low-overhead loop costs at its end besides its instructions, once for each time it is run through.
    """

    core: str
    version: str
    rules: IssueRules
    mispredicted_cycles: int = 0
    unpredicted_cycles: int = 0
    loop_end_cycles: int = 0

    def cycles_alone(self, instruction: Instruction) -> int:
        """Cycles until another instruction can be issued, pairs aside."""
        return self.rules.timing_of(instruction).issue_cycles(instruction)

    def flow_cycles(self, flow: Flow) -> int:
        """Cycles of all that a step executed, without what flash costs."""
        arrivals = _arrivals(flow)
        total = self._lost(flow)
        for address, block in flow.blocks.items():
            explained = 0
            for arrival in arrivals[address]:
                explained += arrival.count
                total += arrival.count * self._cost_behind(flow, arrivals, arrival, block)
            alone = Pipeline(self.rules)
            alone.run(block.instructions)
            total += (block.visits - explained) * alone.end
        return total

    def _cost_behind(self, flow: Flow, arrivals: Mapping[int, list[_Arrival]], arrival: _Arrival, block: Block) -> int:
        pipeline = self._context(flow, arrivals, arrival.before)
        before = pipeline.end
        _enter(pipeline, flow.blocks[arrival.before], arrival.taken)
        pipeline.run(block.instructions)
        return pipeline.end - before

    def _context(self, flow: Flow, arrivals: Mapping[int, list[_Arrival]], address: int) -> Pipeline:
        """The state at the end of the block at ``address``, when it is reached as it most often is."""
        chain: list[tuple[Block, bool]] = []
        length, at = 0, address
        while True:
            block = flow.blocks[at]
            length += len(block.instructions)
            usual = max(arrivals[at], key=lambda one: one.count, default=None)
            chain.append((block, usual.taken if usual is not None else False))
            if usual is None or length >= _CONTEXT_INSTRUCTIONS or len(chain) >= _CONTEXT_BLOCKS:
                break
            at = usual.before
        pipeline = Pipeline(self.rules)
        previous: Block | None = None
        for block, taken in reversed(chain):
            if previous is not None:
                _enter(pipeline, previous, taken)
            pipeline.run(block.instructions)
            previous = block
        return pipeline

    def _lost(self, flow: Flow) -> int:
        """Cycles of wrong or missing predictions, and of the ends of low-overhead loops."""
        cycles = 0
        for block in flow.blocks.values():
            last = block.last
            taken = flow.taken.get(last.address, 0)
            if last.kind in _CONDITIONAL and (last.condition or last.kind is Kind.COMPARE_BRANCH):
                cycles += min(taken, block.visits - taken) * self.mispredicted_cycles
            elif last.kind is Kind.LOOP_END:
                cycles += (block.visits - taken) * self.loop_end_cycles
            elif taken and last.target is None:
                cycles += taken * self.unpredicted_cycles
        return cycles


def _enter(pipeline: Pipeline, before: Block, taken: bool) -> None:
    if taken:
        behind = before.instructions[-2] if len(before.instructions) > 1 else None
        pipeline.jump(behind)


def _arrivals(flow: Flow) -> Mapping[int, list[_Arrival]]:
    found: dict[int, dict[tuple[int, bool], int]] = {address: {} for address in flow.blocks}
    for source, target, count in flow.transfers():
        before = flow.block_of(source.address)
        if before is not None and target is not None and target.address in found:
            key = (before, True)
            found[target.address][key] = found[target.address].get(key, 0) + count
    for address, block in flow.blocks.items():
        if block.follows is not None:
            found[address][block.follows, False] = block.falls_in
    return {
        address: [_Arrival(before, count, taken) for (before, taken), count in sorted(ways.items())]
        for address, ways in found.items()
    }
