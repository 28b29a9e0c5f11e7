"""Cycles that the core waits for flash, apart from its own: the board's wait states, prefetch and cache.

A read of flash brings ``read_bits`` at once and costs ``wait_states`` cycles more than one from RAM. What follows
from that:

- Code without a cache: each line that execution enters costs the wait states. With prefetch, the next line is read
  while the core executes the one before, so that a line entered in sequence costs only what is not hidden behind the
  cycles spent in it; a branch into another line always costs all of them. A branch within the line that was read last
  costs none.
- Code with a cache: a loop whose lines fit into the cache costs each of its lines once for every time it is entered
  from outside. Of a loop that does not fit, least recently used replacement keeps nothing that is needed again; its
  inner loops are looked at in turn, and the rest costs as without a cache.
- Data: every load of constants costs the wait states where there is no cache. With one, constants are taken to be
  read in sequence, as kernels do, so that each line costs once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tinybayes.boards.record import FlashTiming
from tinybayes.timing.core_model import CoreModel
from tinybayes.timing.flow import Block, Flow
from tinybayes.timing.instruction import Instruction
from tinybayes.timing.program import Program
from tinybayes.timing.trace import StepTrace


@dataclass(frozen=True)
class _Lines:
    """How flash is read: ``miss_cycles`` for a line of ``size_bytes`` that is not there."""

    size_bytes: int
    miss_cycles: int
    prefetch: bool

    def of(self, instruction: Instruction) -> range:
        return range(instruction.address // self.size_bytes, (instruction.end - 1) // self.size_bytes + 1)


def flash_stall_cycles(program: Program, step: StepTrace, flow: Flow, model: CoreModel, flash: FlashTiming) -> int:
    """Cycles that one step waits for code and constants in flash."""
    if flash.wait_states == 0:
        return 0
    read_bytes = flash.read_bits // 8
    if flash.cache_lines == 0:
        lines = _Lines(read_bytes, flash.wait_states, flash.prefetch)
        code = sum(_uncached(block, block.visits, flow, lines, model) for block in flow.blocks.values())
        code -= _short_branches(flow, lines)
    else:
        reads = -(-flash.cache_line_bytes // read_bytes)
        lines = _Lines(flash.cache_line_bytes, reads * (flash.wait_states + 1) - 1, flash.prefetch)
        code = _cached(flow, lines, flash.cache_lines, model)
    return code + _data(program, step, lines, cached=flash.cache_lines > 0)


def _data(program: Program, step: StepTrace, lines: _Lines, *, cached: bool) -> int:
    cycles = 0
    for address, size_bytes in step.flash_load_bytes.items():
        # Without a cache each load reads flash anew, also where it takes a part of a line only.
        at_once = lines.size_bytes if cached else min(max(program.at(address).access_bytes, 1), lines.size_bytes)
        cycles += -(-size_bytes // at_once) * lines.miss_cycles
    return cycles


def _uncached(block: Block, visits: int, flow: Flow, lines: _Lines, model: CoreModel) -> int:
    """Cycles that ``visits`` visits of ``block`` wait, where no line of it is there any more."""
    crossings = 0
    spent = 0
    entered = lines.of(block.instructions[0])[0]
    at = entered
    for instruction in block.instructions:
        for line in lines.of(instruction):
            if line != at:
                crossings += _in_sequence(lines, spent)
                at, spent = line, 0
        spent += model.cycles_alone(instruction)
    cycles = visits * crossings
    jumped = visits - min(block.falls_in, visits)
    cycles += jumped * lines.miss_cycles
    if block.follows is not None:
        before = flow.blocks[block.follows]
        if lines.of(before.last)[-1] != entered:
            in_line = sum(model.cycles_alone(one) for one in before.instructions if lines.of(one)[-1] == entered - 1)
            cycles += (visits - jumped) * _in_sequence(lines, in_line)
    return cycles


def _in_sequence(lines: _Lines, spent: int) -> int:
    """Cycles to wait for a line that follows one in which the core spent ``spent`` cycles."""
    return max(lines.miss_cycles - max(spent - 1, 0), 0) if lines.prefetch else lines.miss_cycles


def _short_branches(flow: Flow, lines: _Lines) -> int:
    """What branches within one line did not cost after all."""
    stayed = sum(
        count
        for source, target, count in flow.transfers()
        if target is not None and target.address in flow.blocks and lines.of(source)[-1] == lines.of(target)[0]
    )
    return stayed * lines.miss_cycles


def _cached(flow: Flow, lines: _Lines, capacity: int, model: CoreModel) -> int:
    blocks = flow.blocks
    followers: dict[int, dict[int, int]] = {address: {} for address in blocks}
    for source, target, count in flow.transfers():
        start = flow.block_of(source.address)
        if target is not None and target.address in blocks and start is not None:
            followers[start][target.address] = followers[start].get(target.address, 0) + count
    for address, block in blocks.items():
        if block.follows is not None:
            followers[block.follows][address] = followers[block.follows].get(address, 0) + block.falls_in
    cycles = 0
    pending = [frozenset(blocks)]
    while pending:
        for component in _components(pending.pop(), followers):
            inflow = {address: sum(followers[other].get(address, 0) for other in component) for address in component}
            if len(component) == 1 and not any(inflow.values()):
                (address,) = component
                cycles += _uncached(blocks[address], blocks[address].visits, flow, lines, model)
                continue
            held = {line for address in component for one in blocks[address].instructions for line in lines.of(one)}
            entering = {address: blocks[address].visits - inflow[address] for address in component}
            if len(held) <= capacity:
                cycles += max(sum(entering.values()), 1) * len(held) * lines.miss_cycles
                continue
            header = max(sorted(component), key=lambda address: entering[address])
            cycles += _uncached(blocks[header], blocks[header].visits, flow, lines, model)
            if len(component) > 1:
                pending.append(component - {header})
    return cycles


def _components(nodes: frozenset[int], followers: Mapping[int, Mapping[int, int]]) -> Iterable[frozenset[int]]:
    """The strongly connected components of ``nodes`` (Tarjan, without recursion)."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    found: list[frozenset[int]] = []
    for root in sorted(nodes):
        if root in order:
            continue
        work: list[tuple[int, list[int]]] = [(root, sorted(nodes.intersection(followers[root])))]
        order[root] = low[root] = len(order)
        path.append(root)
        on_path.add(root)
        while work:
            node, rest = work[-1]
            if rest:
                following = rest.pop()
                if following not in order:
                    order[following] = low[following] = len(order)
                    path.append(following)
                    on_path.add(following)
                    work.append((following, sorted(nodes.intersection(followers[following]))))
                elif following in on_path:
                    low[node] = min(low[node], order[following])
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[node])
            if low[node] == order[node]:
                members = path[path.index(node) :]
                del path[path.index(node) :]
                on_path.difference_update(members)
                found.append(frozenset(members))
    return found
