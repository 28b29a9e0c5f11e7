"""Cortex-M7: two instructions in a cycle, in order; no timing table is published by Arm.

Facts are from measurements on an STM32H743 (jnk0le/random, doc/cortex_m7.md) and from the approximate model of SLOTHY
(slothy-optimizer/slothy, cortex_m7.py), both checked there against hardware. Results and operands are counted from the
issue, with address generation and early arithmetic in cycle 1, the late arithmetic in 2 and accumulation in 3.

Not modelled: two loads of the same bank (even or odd words) in one cycle, which takes one more; byte stores that follow
each other within 4 cycles; unaligned accesses; the placing of 16-bit instructions around a branch.
"""

from collections.abc import Mapping
from fractions import Fraction

from tinybayes.timing.in_order import InOrderModel
from tinybayes.timing.instruction import LOADS, STORES, Instruction, Kind
from tinybayes.timing.issue import IssueRules, Timing, row

_DOC = "jnk0le/random, doc/cortex_m7.md"
_HALF = Fraction(1, 2)
_EARLY_NAMES = frozenset({"add", "sub", "addw", "subw", "mov", "movw", "lsl", "lsr", "asr", "ror", "adr"})
_EARLY_OPERAND_NAMES = frozenset({"ubfx", "sbfx", "rbit", "rev", "rev16", "revsh"})
_MULTIPLIES = frozenset({
    Kind.MULTIPLY, Kind.MULTIPLY_ADD, Kind.MULTIPLY_LONG, Kind.MULTIPLY_ADD_LONG, Kind.MULTIPLY_DSP,
})  # fmt: skip
_BITFIELDS = frozenset({
    "bfi", "bfc", "sbfx", "ubfx", "rbit", "rev", "rev16", "revsh", "sxtab", "sxtah", "uxtab", "uxtah", "sxtab16",
    "uxtab16", "pkhbt", "pkhtb",
})  # fmt: skip

_PLAIN = Timing("alu", 3, f"{_DOC}: late ALU, result for the next cycle", reads_shifted=1)
_EARLY = Timing("alu", 3, f"{_DOC}: early ALU, result for addresses in the next cycle", reads_shifted=1, early=2)
_DSP = Timing("dsp", 3, f"{_DOC}: one DSP or bit field instruction a cycle, result late", reads_shifted=1)
_DSP_EARLY = Timing("dsp", 3, f"{_DOC}: operands of bit fields and reversals in the early ALU", reads=1)
_MULTIPLY = Timing(
    "mac",
    4,
    f"{_DOC}: one a cycle, result one cycle later than ALU; accumulators chain; no factor from a word load just before",
    reads_accumulator=3,
    reads_loaded_word=1,
)
_WORD = Timing("load", 3, f"{_DOC}: word loads, for the late ALU of the next cycle; two a cycle", reads_address=1)
_NARROW = Timing("load", 4, f"{_DOC}: byte and halfword loads, one cycle more", reads_address=1)
_STORE = Timing("store", 3, f"{_DOC}: one a cycle, of any result of the same cycle", reads=4, reads_address=1)
_BRANCH = Timing("branch", 3, f"{_DOC}: predicted; behind what sets its flags, as in mbed-os's delay loop", reads=2)

_TIMINGS: Mapping[Kind, Timing] = {
    Kind.ALU: _PLAIN,
    Kind.DSP: _DSP,
    **dict.fromkeys(_MULTIPLIES, _MULTIPLY),
    Kind.DIVIDE: Timing("mac", 14, "as the longest of the Cortex-M4's 2 to 12 cycles", issue=12, alone=True),
    Kind.LOAD_DOUBLE: Timing(
        "load", 4, f"{_DOC}: half a cycle for each register, alone", reads_address=1, issue=0, per_register=_HALF,
        alone=True,
    ),
    Kind.LOAD_MULTIPLE: Timing(
        "load", 4, f"{_DOC}: half a cycle for each register, alone", reads_address=1, issue=0, per_register=_HALF,
        alone=True,
    ),
    Kind.STORE: _STORE,
    Kind.STORE_DOUBLE: Timing(
        "store", 3, f"{_DOC}: half a cycle for each register, alone", reads=4, reads_address=1, issue=0,
        per_register=_HALF, alone=True,
    ),
    Kind.STORE_MULTIPLE: Timing(
        "store", 3, f"{_DOC}: half a cycle for each register, alone", reads=4, reads_address=1, issue=0,
        per_register=_HALF, alone=True,
    ),
    **dict.fromkeys(
        (Kind.BRANCH, Kind.COMPARE_BRANCH, Kind.CALL, Kind.CALL_REGISTER, Kind.BRANCH_REGISTER), _BRANCH
    ),
    Kind.BRANCH_TABLE: Timing("load", 4, f"{_DOC}: a load, then a branch", reads_address=1, alone=True),
    Kind.IF_THEN: Timing("branch", 3, f"{_DOC}: as a branch that is not taken", reads=2),
    Kind.NOP: Timing("none", 0, f"{_DOC}: takes a slot and nothing else"),
    Kind.BARRIER: Timing("none", 0, "one cycle at least", alone=True),
    Kind.SPECIAL: Timing("none", 3, "one cycle at least", alone=True),
    Kind.FLOAT: Timing("float", 5, f"{_DOC}: VADD result after 3 cycles", reads=2),
    Kind.FLOAT_MULTIPLY: Timing("float", 5, f"{_DOC}: VMUL result after 3 cycles", reads=2),
    Kind.FLOAT_MULTIPLY_ADD: Timing("float", 7, f"{_DOC}: VFMA result after 5 cycles, accumulators after 3", reads=2),
    Kind.FLOAT_DIVIDE: Timing("float", 18, f"{_DOC}: VDIV takes 16 cycles", issue=16, reads=2),
    Kind.FLOAT_MOVE: Timing("float", 5, f"{_DOC}: VMOV result after 3 cycles", reads=2),
    Kind.FLOAT_LOAD: Timing("load", 3, f"{_DOC}: VLDR, result after 1 cycle", reads_address=1),
    Kind.FLOAT_LOAD_MULTIPLE: Timing(
        "load", 4, f"{_DOC}: VLDM as LDM", reads_address=1, issue=0, per_register=_HALF, alone=True
    ),
    Kind.FLOAT_STORE: Timing("store", 3, f"{_DOC}: as a store", reads=4, reads_address=1),
    Kind.FLOAT_STORE_MULTIPLE: Timing(
        "store", 3, f"{_DOC}: VSTM as STM", reads=4, reads_address=1, issue=0, per_register=_HALF, alone=True
    ),
}  # fmt: skip


def _timing_of(instruction: Instruction) -> Timing:
    if instruction.kind is Kind.LOAD:
        return _WORD if instruction.access_bytes == 4 else _NARROW
    if instruction.kind is Kind.ALU and instruction.name in _EARLY_NAMES and not instruction.shifts_operand:
        return _EARLY
    if instruction.name in _EARLY_OPERAND_NAMES:
        return _DSP_EARLY
    return row(_TIMINGS, instruction)


def _pairs(older: Instruction, younger: Instruction) -> bool:
    """Which two can be issued in one cycle; units, of which there are few, decide the rest."""
    kinds = {older.kind, younger.kind}
    if kinds & _MULTIPLIES and kinds & STORES:
        return False
    if younger.kind is Kind.DSP:
        return False  # they are issued first only
    shifted = (older.shifts_operand, younger.shifts_operand)
    if all(shifted):
        return False
    if (shifted[0] and younger.name in _BITFIELDS) or (shifted[1] and older.name in _BITFIELDS):
        return False
    return not (_is_alone(older) or _is_alone(younger))


def _is_alone(instruction: Instruction) -> bool:
    return _timing_of(instruction).alone


def _taken_cycles(branch: Instruction, _before: Instruction | None) -> int:
    """A predicted branch costs nothing; a load to the program counter has to arrive first."""
    return 5 if branch.kind in LOADS else 0


CORTEX_M7 = InOrderModel(
    core="cortex-m7",
    version="cortex-m7, 2",
    rules=IssueRules(
        timing_of=_timing_of,
        pairs=_pairs,
        units={"alu": 2, "dsp": 1, "mac": 1, "load": 2, "store": 1, "branch": 1, "float": 1, "none": 2},
        taken_cycles=_taken_cycles,
    ),
    # The document measured 6 to 8, 8 where the flags are set shortly before the branch, as loops do.
    mispredicted_cycles=8,
    unpredicted_cycles=6,
)
"""The Cortex-M7 with code and data in tightly coupled memory or hitting its caches."""
