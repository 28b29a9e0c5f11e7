"""What the tables of Cortex-M0 and Cortex-M0+ have in common: they differ in branches and system instructions only."""

from collections.abc import Mapping

from tinybayes.timing.instruction import Kind
from tinybayes.timing.scalar import Cost


def armv6m_costs(table: str, *, branch: int, call: int, system: int, multiply: int) -> Mapping[Kind, Cost]:
    """Costs by kind. ``branch``, ``call`` and ``system`` are cycles of a taken branch, a BL and an MRS.

    ``table`` names the document's table for the sources.
    """
    return {
        Kind.ALU: Cost(1, f"{table}: move, add, subtract, compare, logical, shift, rotate", taken=branch - 1),
        Kind.DSP: Cost(1, f"{table}: extend, reverse"),
        Kind.MULTIPLY: Cost(multiply, f"{table}: MULS, 1 or 32 cycles by the chip's multiplier"),
        Kind.LOAD: Cost(2, f"{table}: LDR, LDRH, LDRB, LDRSH, LDRSB"),
        Kind.STORE: Cost(2, f"{table}: STR, STRH, STRB"),
        Kind.LOAD_MULTIPLE: Cost(1, f"{table}: LDM, POP, 1 + N", per_register=1),
        Kind.STORE_MULTIPLE: Cost(1, f"{table}: STM, PUSH, 1 + N", per_register=1),
        Kind.BRANCH: Cost(1, f"{table}: B, B<cc>, 1 or {branch}", taken=branch - 1),
        Kind.CALL: Cost(1, f"{table}: BL, {call}", taken=call - 1),
        Kind.CALL_REGISTER: Cost(1, f"{table}: BLX, {branch}", taken=branch - 1),
        Kind.BRANCH_REGISTER: Cost(1, f"{table}: BX, {branch}", taken=branch - 1),
        Kind.NOP: Cost(1, f"{table}: NOP, SEV, YIELD"),
        Kind.BARRIER: Cost(system, f"{table}: ISB, DMB, DSB"),
        Kind.SPECIAL: Cost(system, f"{table}: MRS, MSR"),
    }
