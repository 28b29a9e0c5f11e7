"""What Cortex-M33 and the scalar side of Cortex-M55 have in common: one instruction a cycle, some branches for free.

Facts are from measurements on an RP2350 (jnk0le/random, doc/cortex_m33.md); the same document takes the pairing of
two 16-bit instructions from Arm's Cortex-M55 Software Optimization Guide (Arm 102692). Results and operands are
counted from the issue: arithmetic reads in cycle 1 and is ready for the next instruction, so after 2.
"""

from collections.abc import Mapping
from fractions import Fraction

from tinybayes.timing.instruction import Instruction, Kind
from tinybayes.timing.issue import Timing, row

DOC = "jnk0le/random, doc/cortex_m33.md"
_ONE = Fraction(1)
_EXTEND_ADD = frozenset({"sxtab", "sxtah", "uxtab", "uxtah", "sxtab16", "uxtab16"})
_BRANCH_KINDS = frozenset({Kind.BRANCH, Kind.COMPARE_BRANCH})
_FOLDED = _BRANCH_KINDS | {Kind.IF_THEN, Kind.NOP}

_ALU = Timing("scalar", 2, f"{DOC}: one cycle", reads=1)
_SHIFTED = Timing("scalar", 3, f"{DOC}: shifted operand, result after 2 cycles", reads=1)
_TWO_STAGES = Timing("scalar", 3, f"{DOC}: sets flags in the second stage, 2 cycles", reads=1, issue=2)
_MULTIPLY = Timing(
    "scalar", 3, f"{DOC}: result after 2 cycles, accumulators chain", reads=1, reads_accumulator=2
)  # fmt: skip
_SEVERAL = f"{DOC}: a cycle for each register"

TIMINGS: Mapping[Kind, Timing] = {
    Kind.ALU: _ALU,
    Kind.DSP: _ALU,
    Kind.MULTIPLY: _MULTIPLY,
    Kind.MULTIPLY_ADD: _MULTIPLY,
    Kind.MULTIPLY_LONG: _MULTIPLY,
    Kind.MULTIPLY_ADD_LONG: _MULTIPLY,
    Kind.MULTIPLY_DSP: _MULTIPLY,
    Kind.DIVIDE: Timing("scalar", 13, "as the longest of the Cortex-M4's 2 to 12 cycles", reads=1, issue=12),
    Kind.LOAD: Timing("scalar", 3, f"{DOC}: load to use 2 cycles, to an accumulator or a store 1", reads=1),
    Kind.LOAD_DOUBLE: Timing("scalar", 4, _SEVERAL, reads=1, issue=0, per_register=_ONE),
    Kind.LOAD_MULTIPLE: Timing("scalar", 4, _SEVERAL, reads=1, issue=0, per_register=_ONE),
    Kind.STORE: Timing(
        "scalar", 2, f"{DOC}: one cycle, of what was loaded in the cycle before", reads=2, reads_address=1
    ),
    Kind.STORE_DOUBLE: Timing("scalar", 2, _SEVERAL, reads=2, reads_address=1, issue=0, per_register=_ONE),
    Kind.STORE_MULTIPLE: Timing("scalar", 2, _SEVERAL, reads=2, reads_address=1, issue=0, per_register=_ONE),
    **dict.fromkeys(
        (Kind.BRANCH, Kind.COMPARE_BRANCH, Kind.CALL, Kind.CALL_REGISTER, Kind.BRANCH_REGISTER),
        Timing("scalar", 2, f"{DOC}: one cycle, none behind a 16-bit instruction", reads=1),
    ),
    Kind.BRANCH_TABLE: Timing("scalar", 3, f"{DOC}: a load, then a branch", reads=1, issue=2),
    Kind.IF_THEN: Timing("scalar", 2, f"{DOC}: none behind a 16-bit instruction", reads=1),
    Kind.NOP: Timing("scalar", 0, f"{DOC}: none behind a 16-bit instruction", reads=1),
    Kind.BARRIER: Timing("scalar", 0, "one cycle at least", reads=1),
    Kind.SPECIAL: Timing("scalar", 2, "one cycle at least", reads=1),
    Kind.FLOAT: Timing("float", 3, f"{DOC}: no row; taken as the FPU's other arithmetic, 2 cycles", reads=1),
    Kind.FLOAT_MULTIPLY: Timing("float", 4, f"{DOC}: as multiply-add", reads=1, busy=3),
    Kind.FLOAT_MULTIPLY_ADD: Timing(
        "float", 4, f"{DOC}: result after 3 cycles, the FPU busy till then", reads=1, busy=3
    ),
    Kind.FLOAT_DIVIDE: Timing("float", 15, "as the Cortex-M4's 14 cycles", reads=1, busy=14),
    Kind.FLOAT_MOVE: Timing("float", 2, f"{DOC}: no row; taken as one cycle", reads=1),
    Kind.FLOAT_LOAD: Timing("scalar", 3, f"{DOC}: as a load", reads=1),
    Kind.FLOAT_LOAD_MULTIPLE: Timing("scalar", 4, _SEVERAL, reads=1, issue=0, per_register=_ONE),
    Kind.FLOAT_STORE: Timing("scalar", 2, f"{DOC}: as a store", reads=2, reads_address=1),
    Kind.FLOAT_STORE_MULTIPLE: Timing("scalar", 2, _SEVERAL, reads=2, reads_address=1, issue=0, per_register=_ONE),
}
REGISTER_BRANCH_CYCLES = 2
"""More than the refill of a direct branch's target: the address is not known before; as on the Cortex-M4."""


def timing_of(instruction: Instruction) -> Timing:
    """The row of a scalar instruction."""
    sets_flags = "flags" in instruction.writes
    if instruction.kind is Kind.ALU and instruction.shifts_operand:
        return _SHIFTED
    if instruction.kind is Kind.MULTIPLY and sets_flags:
        return _TWO_STAGES
    if instruction.name in _EXTEND_ADD:
        return _MULTIPLY
    return row(TIMINGS, instruction)


def pairs(older: Instruction, younger: Instruction) -> bool:
    """Whether ``younger``, a branch, an IT or a NOP, takes no cycle of its own: both have 16 bits."""
    if older.kind in _FOLDED and not (older.kind is Kind.NOP and younger.kind in _BRANCH_KINDS):
        return False
    return younger.kind in _FOLDED and older.size_bytes == younger.size_bytes == 2


def taken_cycles(branch: Instruction, before: Instruction | None) -> int:
    """One cycle to refill; one more where the flags are set right before a branch that takes no cycle of its own."""
    if branch.target is None:
        return REGISTER_BRANCH_CYCLES
    free = before is not None and pairs(before, branch)
    return 2 if free and before is not None and "flags" in before.writes else 1
