"""Cortex-M55: the scalar side as Cortex-M33, and vector instructions of four beats, two of which are done in a cycle.

- A vector instruction occupies its unit (memory, multiplication, or other arithmetic) for two cycles, and the next may
  begin after one if it needs another unit: Arm-Examples/Helium-Optimization counts 10 cycles for 5 loads and 4
  multiplications that alternate (Performance_analysis/ml-dsp-front-end-optimization-with-helium.md).
- A gather makes two accesses a cycle: a byte gather of 16 lanes takes 8 cycles
  (General_optimizations/processor_specific.md, with data in D-TCM and no two accesses in one bank). Its indices have to
  be there early; the loop waits 4 cycles for them.
- A low-overhead loop branches in no time once it has been round (Armv8.1-M, DDI 0553, LE).

Constants in I-TCM, which is 32 bits wide, and bank conflicts are not modelled.
"""

import re

from tinybayes.timing.cores import armv8m
from tinybayes.timing.in_order import InOrderModel
from tinybayes.timing.instruction import VECTORS, Instruction, Kind
from tinybayes.timing.issue import IssueRules, Timing

_HELIUM = "Arm-Examples/Helium-Optimization"
_SLOTHY = "slothy-optimizer/slothy, cortex_m55r1.py (approximate, by Arm's and others' measurements)"
_BEATS = f"{_HELIUM}, ml-dsp-front-end-optimization-with-helium.md: two cycles a vector instruction"
_GATHER = f"{_HELIUM}, processor_specific.md: two accesses of up to 32 bits a cycle"
_TIMINGS = {
    Kind.VECTOR: Timing("vector_alu", 2, _BEATS, reads=1, busy=2),
    Kind.VECTOR_MULTIPLY: Timing("vector_mac", 3, _BEATS, reads=1, busy=2, reads_accumulator=1),
    Kind.VECTOR_LOAD: Timing("vector_memory", 2, _BEATS, reads=1, busy=2),
    Kind.VECTOR_STORE: Timing("vector_memory", 2, _BEATS, reads=1, busy=2),
    Kind.VECTOR_PREDICATE: Timing("vector_alu", 2, _BEATS, reads=1),
    Kind.LOOP_START: Timing("scalar", 2, "DDI 0553, WLS, DLS: one cycle at least", reads=1),
    Kind.LOOP_END: Timing("loop", 2, "DDI 0553, LE: a branch that is remembered", reads=0),
}
# Rounding, saturating and narrowing shifts take a cycle more than plain ones.
_ROUNDING = re.compile(r"v(q?rshr|q?rshl|q?shrn|q?shrun|qshl|shll|sli|sri|movl|qmov|movn)")
_SLOW = Timing("vector_alu", 3, f"{_SLOTHY}: result after 2 cycles", reads=1, busy=2)
_REDUCTION = Timing(
    "vector_mac", 4, f"{_SLOTHY}: sum in a core register after 3 cycles", reads=1, busy=2, reads_accumulator=2
)
_ACCESSES_PER_CYCLE = 2
_INDEX_EARLY_CYCLES = 4
_LOOP_END_CYCLES = 3  # the first LE is fetched, issued and taken; later passes know it


def _timing_of(instruction: Instruction) -> Timing:
    if instruction.kind is Kind.VECTOR and _ROUNDING.match(instruction.name):
        return _SLOW
    if instruction.kind is Kind.VECTOR_MULTIPLY and not _writes_lanes(instruction):
        return _REDUCTION
    if instruction.kind in (Kind.VECTOR_GATHER, Kind.VECTOR_SCATTER):
        return _of_lanes(instruction)
    return _TIMINGS.get(instruction.kind) or armv8m.timing_of(instruction)


def _writes_lanes(instruction: Instruction) -> bool:
    return any(register.startswith("s") and register != "sp" for register in instruction.writes)


def _of_lanes(instruction: Instruction) -> Timing:
    """Gathers and scatters: the wider a lane, the fewer there are."""
    lanes = instruction.lanes
    busy = -(-lanes // _ACCESSES_PER_CYCLE)
    return Timing("vector_memory", busy + 1, _GATHER, reads=1, busy=busy, reads_address=1 - _INDEX_EARLY_CYCLES)


def _pairs(older: Instruction, younger: Instruction) -> bool:
    if younger.kind is Kind.LOOP_END:
        return True
    return older.kind not in VECTORS and armv8m.pairs(older, younger)


def _taken_cycles(branch: Instruction, before: Instruction | None) -> int:
    return 0 if branch.kind is Kind.LOOP_END else armv8m.taken_cycles(branch, before)


CORTEX_M55 = InOrderModel(
    core="cortex-m55",
    version="cortex-m55, 2",
    rules=IssueRules(
        timing_of=_timing_of,
        pairs=_pairs,
        units={
            "scalar": 2, "float": 1, "vector_alu": 1, "vector_mac": 1, "vector_memory": 1, "loop": 1,
        },
        taken_cycles=_taken_cycles,
    ),
    loop_end_cycles=_LOOP_END_CYCLES,
)  # fmt: skip
"""The Cortex-M55 with code and data in tightly coupled memory or hitting its caches."""
