"""Cores that execute one instruction after another: a cost for each, and what neighbours change of it.

Cortex-M0, M0+, M3 and M4. The rules are those of the technical reference manuals; each core says which of them hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tinybayes.errors import InternalError
from tinybayes.timing.flow import Flow
from tinybayes.timing.instruction import LOADS, STORES, Instruction, Kind

_BRANCHES = frozenset({
    Kind.BRANCH, Kind.COMPARE_BRANCH, Kind.CALL, Kind.CALL_REGISTER, Kind.BRANCH_REGISTER, Kind.BRANCH_TABLE,
})  # fmt: skip
_DIRECT = frozenset({Kind.BRANCH, Kind.COMPARE_BRANCH, Kind.CALL})
_FLOAT_ARITHMETIC = frozenset({Kind.FLOAT, Kind.FLOAT_MULTIPLY, Kind.FLOAT_MULTIPLY_ADD, Kind.FLOAT_DIVIDE})
_SINGLE = frozenset({Kind.LOAD, Kind.STORE, Kind.FLOAT_LOAD, Kind.FLOAT_STORE})
_WIDE_RUN = 3


@dataclass(frozen=True)
class Cost:
    """Cycles of one kind of instruction: ``cycles + per_register * registers moved``, ``taken`` more for a transfer.

    ``low`` and ``high`` are set where the document gives a range for ``cycles`` or, of branches, for ``taken``.
    ``source`` is the document's row.
    """

    cycles: int
    source: str
    per_register: int = 0
    taken: int = 0
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class ScalarModel:
    """A core that issues one instruction at a time.

    ``costs`` is by kind of instruction; ``by_name`` goes before it for single names. ``pipelines_loads``: a load or
    store right after a load takes one cycle less, where its address does not depend on what the load writes.
    ``chains_writeback``: a load that updates its base register may be the later one of such a pair.
    ``register_offset_store_cycles`` is added to a store whose address is the sum of two registers.
    ``late_address_cycles`` is added where the instruction before, no load, computes an address register.
    ``float_result_cycles`` is added where the instruction before, floating-point arithmetic, computes an operand.
    ``load_pc_cycles`` is what a load to the program counter takes more. ``wide_target_cycles`` is added where a
    direct branch goes to a 32-bit instruction that is not word-aligned, and ``wide_run_cycles`` for each run of three
    or more such instructions.
    """

    core: str
    version: str
    costs: Mapping[Kind, Cost]
    by_name: Mapping[str, Cost] = field(default_factory=dict)
    pipelines_loads: bool = False
    chains_writeback: bool = True
    register_offset_store_cycles: int = 0
    late_address_cycles: int = 0
    float_result_cycles: int = 0
    load_pc_cycles: int = 0
    wide_target_cycles: int = 0
    wide_run_cycles: int = 0

    def cost(self, instruction: Instruction) -> Cost:
        """The row of the table for ``instruction``; raises InternalError where the core has no such instruction."""
        found = self.by_name.get(instruction.name) or self.costs.get(instruction.kind)
        if found is None:
            raise InternalError(f"{instruction}: the timing table of the {self.core} has no row for {instruction.kind}")
        return found

    def flow_cycles(self, flow: Flow) -> int:
        """Cycles of all that a step executed, without what flash costs."""
        total = 0
        for block in flow.blocks.values():
            total += block.visits * self.cycles_alone(block.instructions[0])
            inside = sum(
                self.cycles_after(before, one)
                for before, one in zip(block.instructions, block.instructions[1:], strict=False)
            )
            total += block.visits * (inside + self._wide_runs(block.instructions))
            if block.follows is not None:
                before = flow.blocks[block.follows].last
                first = block.instructions[0]
                total += block.falls_in * (self.cycles_after(before, first) - self.cycles_alone(first))
        return total + sum(self._transfer_cycles(*transfer) for transfer in flow.transfers())

    def cycles_alone(self, instruction: Instruction) -> int:
        """Cycles of ``instruction`` where nothing before it matters, and where it does not transfer control."""
        cost = self.cost(instruction)
        cycles = cost.cycles + cost.per_register * instruction.transferred
        if instruction.kind is Kind.STORE and instruction.has_register_offset:
            cycles += self.register_offset_store_cycles
        return cycles

    def cycles_after(self, before: Instruction, instruction: Instruction) -> int:
        """Cycles of ``instruction`` right after ``before``, where it does not transfer control."""
        cycles = self.cycles_alone(instruction)
        if self._pipelines(before, instruction):
            cycles = max(cycles - 1, 1)
        if before.kind not in LOADS and before.kind not in _BRANCHES:
            arithmetic = before.kind not in STORES
            if arithmetic and before.writes & instruction.address_registers:
                cycles += self.late_address_cycles
        if before.kind in _FLOAT_ARITHMETIC and before.writes & instruction.reads - {"flags"}:
            cycles += self.float_result_cycles
        return cycles

    def _pipelines(self, before: Instruction, instruction: Instruction) -> bool:
        if not self.pipelines_loads or instruction.kind not in _SINGLE:
            return False
        if before.kind not in (Kind.LOAD, Kind.FLOAT_LOAD) or before.writes_pc:
            return False
        if instruction.writes_back and instruction.kind is Kind.LOAD and not self.chains_writeback:
            return False
        return not before.writes & instruction.address_registers

    def _wide_runs(self, instructions: tuple[Instruction, ...]) -> int:
        run = runs = 0
        for instruction in instructions:
            run = run + 1 if _is_askew(instruction) else 0
            runs += run == _WIDE_RUN
        return runs * self.wide_run_cycles

    def _transfer_cycles(self, source: Instruction, target: Instruction | None, count: int) -> int:
        cycles = self.cost(source).taken
        if source.kind in LOADS:
            cycles = self.load_pc_cycles
        if source.kind in _DIRECT and target is not None and _is_askew(target):
            cycles += self.wide_target_cycles
        return count * cycles


def _is_askew(instruction: Instruction) -> bool:
    """Whether it is one of 32 bits that lies across two words."""
    return instruction.size_bytes == 4 and instruction.address % 4 != 0
