"""Cores that execute instructions in order, more than one at a time or for more than one cycle: when each is issued.

Cortex-M7, M33 and M55. An instruction is issued once its operands will be there when it reads them, once the units that
it needs are free, and in the same cycle as the one before only where the core can pair the two. When a result is there,
and when an operand is read, are counted in cycles from the issue; a result that is ready after 3 is in time for an
instruction that reads its operand after 2 and is issued one cycle later.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from tinybayes.errors import InternalError
from tinybayes.timing.instruction import Instruction, Kind

_WARM_UP = 16
_LONG_AGO = -100


@dataclass(frozen=True)
class Timing:
    """How one kind of instruction is executed.

    ``unit`` is what it occupies for ``busy`` cycles, and ``ready`` when its result is there. ``reads`` is when it
    reads its operands; ``reads_address``, ``reads_shifted`` and ``reads_accumulator`` are for the registers of an
    address, a shifted register and the accumulator of a multiplication. ``early`` is when the result is there where
    all operands were there one cycle earlier and it is issued first. ``reads_loaded_word`` is for operands that come
    from a load of a word. Nothing else is issued for ``issue`` cycles, to
    which ``per_register`` adds for each register moved, and with ``alone`` nothing in the same cycle.
    """

    unit: str
    ready: int
    source: str
    reads: int = 2
    busy: int = 1
    reads_address: int | None = None
    reads_shifted: int | None = None
    reads_accumulator: int | None = None
    reads_loaded_word: int | None = None
    early: int | None = None
    issue: int = 1
    per_register: Fraction = Fraction(0)
    alone: bool = False

    def issue_cycles(self, instruction: Instruction) -> int:
        """Cycles until another instruction can be issued, pairs aside."""
        moved = -(-instruction.transferred * self.per_register.numerator // self.per_register.denominator)
        return max(self.issue + moved, 1)


def row(table: Mapping[Kind, Timing], instruction: Instruction) -> Timing:
    """The row of ``table`` for ``instruction``; raises InternalError where there is none."""
    if instruction.kind not in table:
        raise InternalError(f"{instruction}: the timing table has no row for {instruction.kind}")
    return table[instruction.kind]


@dataclass(frozen=True)
class IssueRules:
    """A core's table: ``timing_of`` finds an instruction's row, ``pairs`` says which two are issued in one cycle.

    ``units`` says how many of each unit there are. ``taken_cycles`` is what a taken branch adds before the next
    instruction can be issued, given the branch and the instruction before it.
    """

    timing_of: Callable[[Instruction], Timing]
    pairs: Callable[[Instruction, Instruction], bool]
    units: Mapping[str, int]
    taken_cycles: Callable[[Instruction, Instruction | None], int]


@dataclass
class Pipeline:
    """The state of a core while instructions are issued one after another."""

    rules: IssueRules
    cycle: int = 0
    """The cycle of the last issue."""
    end: int = 0
    """The first cycle in which another instruction can be issued alone."""
    _ready: dict[str, tuple[int, Instruction]] = field(default_factory=dict)
    _busy: dict[str, list[int]] = field(default_factory=dict)
    _last: Instruction | None = None
    _in_cycle: int = 0

    def copy(self) -> "Pipeline":
        """A pipeline in the same state."""
        return Pipeline(
            self.rules, self.cycle, self.end, dict(self._ready), {u: list(c) for u, c in self._busy.items()},
            self._last, self._in_cycle,
        )  # fmt: skip

    def run(self, instructions: Sequence[Instruction]) -> None:
        """Issues ``instructions`` in order."""
        for instruction in instructions:
            self._issue(instruction)

    def jump(self, before: Instruction | None) -> None:
        """The last instruction, a branch behind ``before``, was taken: nothing is paired across it."""
        if self._last is not None:
            self.end = max(self.end, self.cycle + 1) + self.rules.taken_cycles(self._last, before)
            self._last = None

    def _issue(self, instruction: Instruction) -> None:
        timing = self.rules.timing_of(instruction)
        at = max((self._needed(instruction, timing, register) for register in instruction.reads), default=0)
        paired = (
            self._last is not None
            and self._in_cycle < 2
            and at <= self.cycle
            and self.end == self.cycle + 1
            and not timing.alone
            and self._free(timing, self.cycle)
            and self.rules.pairs(self._last, instruction)
        )
        if paired:
            at = self.cycle
        else:
            at = max(at, self.end)
            while not self._free(timing, at):
                at += 1
        self._occupy(timing, at)
        ready = timing.ready
        if timing.early is not None and not paired and self._all_early(instruction, timing, at):
            ready = timing.early
        for register in instruction.writes:
            # A base register is updated where addresses are computed, before the access. Flags are never early.
            updated = register in instruction.address_registers and instruction.writes_back
            offset = 2 if updated else timing.ready if register == "flags" else ready
            self._ready[register] = (at + offset, instruction)
        self._in_cycle = self._in_cycle + 1 if paired else 1
        self.cycle, self._last = at, instruction
        self.end = max(self.end, at + timing.issue_cycles(instruction))

    def _needed(self, instruction: Instruction, timing: Timing, register: str) -> int:
        found = self._ready.get(register)
        if found is None:
            return _LONG_AGO
        ready, producer = found
        return ready - _read_offset(instruction, timing, register, producer)

    def _all_early(self, instruction: Instruction, timing: Timing, at: int) -> bool:
        return all(self._needed(instruction, timing, register) < at for register in instruction.reads - {"flags"})

    def _free(self, timing: Timing, at: int) -> bool:
        if timing.unit not in self.rules.units:
            raise InternalError(f"the timing table names a unit {timing.unit!r} that the core does not have")
        occupied = sum(until > at for until in self._busy.get(timing.unit, ()))
        return occupied < self.rules.units[timing.unit]

    def _occupy(self, timing: Timing, at: int) -> None:
        current = [until for until in self._busy.get(timing.unit, ()) if until > at]
        self._busy[timing.unit] = [*current, at + timing.busy]


def _read_offset(instruction: Instruction, timing: Timing, register: str, producer: Instruction) -> int:
    if register in instruction.address_registers:
        return timing.reads if timing.reads_address is None else timing.reads_address
    if timing.reads_accumulator is not None and register in _accumulators(instruction):
        return timing.reads_accumulator
    if timing.reads_shifted is not None and instruction.shifts_operand:
        return timing.reads_shifted
    if timing.reads_loaded_word is not None and producer.kind is Kind.LOAD and producer.access_bytes == 4:
        return timing.reads_loaded_word
    return timing.reads


def _accumulators(instruction: Instruction) -> frozenset[str]:
    """The registers that a multiplication adds to, unless it multiplies by them too."""
    if instruction.kind is Kind.MULTIPLY_ADD_LONG or instruction.writes & instruction.reads:
        adds = instruction.writes & instruction.reads
    else:
        adds = frozenset(instruction.operands[3:4])
    return adds - frozenset(instruction.operands[1:3])


def steady_state_cycles(rules: IssueRules, body: Sequence[Instruction]) -> Fraction:
    """Cycles of one pass through a loop's ``body`` that is repeated for ever, its branch left out."""
    pipeline = Pipeline(rules)
    for _ in range(_WARM_UP):
        pipeline.run(body)
    start = pipeline.cycle
    for _ in range(4 * _WARM_UP):
        pipeline.run(body)
    return Fraction(pipeline.cycle - start, 4 * _WARM_UP)
