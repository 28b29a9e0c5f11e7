"""What Cortex-M3 and Cortex-M4 have in common.

P, the cycles of a pipeline refill, is 1 to 3 in both manuals, "depending on the alignment and width of the target
instruction, and whether the processor manages to speculate the address early". The model takes

- 1 for a branch to an address in the instruction, one more where a 32-bit instruction that lies across two words is
  there: Arm's own delay loop (mbed-os, platform/source/mbed_wait_api_no_rtos.c) counts 2 cycles for its taken branch on
  both cores, and eprint.iacr.org/2025/523 one more for such a target;
- 2, the middle, for a branch to an address in a register, which cannot be speculated as early;
- 3 for a load to the program counter, of which the manuals say "at least five cycles" in all, and for TBB and TBH
  ("at least six").
"""

from collections.abc import Mapping

from tinybayes.timing.instruction import Kind
from tinybayes.timing.scalar import Cost

DIRECT_REFILL_CYCLES = 1
REGISTER_REFILL_CYCLES = 2
LOAD_REFILL_CYCLES = 3
_LONGEST_DIVIDE_CYCLES = 12


def armv7m_costs(table: str, timings: str) -> Mapping[Kind, Cost]:
    """Costs by kind of all that the two cores do alike; ``table`` and ``timings`` name the document's places."""
    direct, register = DIRECT_REFILL_CYCLES, REGISTER_REFILL_CYCLES
    return {
        Kind.ALU: Cost(1, f"{table}: move, add, subtract, compare, logical, shift; to PC 1 + P", taken=register),
        Kind.DSP: Cost(1, f"{table}: saturate, extend, bit field, reverse, count leading zeros"),
        Kind.MULTIPLY: Cost(1, f"{table}: MUL"),
        Kind.DIVIDE: Cost(_LONGEST_DIVIDE_CYCLES, f"{table}: SDIV, UDIV, 2 to 12 by operands", low=2, high=12),
        Kind.LOAD: Cost(2, f"{table}: LDR, LDRH, LDRB, LDRSH, LDRSB"),
        Kind.LOAD_DOUBLE: Cost(1, f"{table}: LDRD, 1 + N; {timings}: no pipelining with neighbours", per_register=1),
        Kind.LOAD_MULTIPLE: Cost(1, f"{table}: LDM, POP, 1 + N; {timings}: no pipelining", per_register=1),
        Kind.STORE: Cost(1, f"{timings}: STR Rx, [Ry, #imm] is always one cycle"),
        Kind.STORE_DOUBLE: Cost(1, f"{table}: STRD, 1 + N; {timings}: no pipelining with neighbours", per_register=1),
        Kind.STORE_MULTIPLE: Cost(1, f"{table}: STM, PUSH, 1 + N; {timings}: no pipelining", per_register=1),
        Kind.BRANCH: Cost(1, f"{table}: B 1 + P, B<cc> 1 or 1 + P", taken=direct, low=1, high=3),
        Kind.COMPARE_BRANCH: Cost(1, f"{table}: CBZ, CBNZ, 1 or 1 + P", taken=direct, low=1, high=3),
        Kind.CALL: Cost(1, f"{table}: BL, 1 + P", taken=direct, low=1, high=3),
        Kind.CALL_REGISTER: Cost(1, f"{table}: BLX, 1 + P", taken=register, low=1, high=3),
        Kind.BRANCH_REGISTER: Cost(1, f"{table}: BX, 1 + P", taken=register, low=1, high=3),
        Kind.BRANCH_TABLE: Cost(3, f"{timings}: TBB, TBH: load 2, add 1, reload 3", taken=LOAD_REFILL_CYCLES),
        Kind.IF_THEN: Cost(1, f"{table}: IT; 0 where it is folded", low=0, high=1),
        Kind.NOP: Cost(1, f"{table}: NOP"),
        Kind.BARRIER: Cost(1, f"{table}: DMB, DSB, ISB, 1 + B"),
        Kind.SPECIAL: Cost(2, f"{table}: MRS, MSR, 1 or 2", low=1, high=2),
    }
