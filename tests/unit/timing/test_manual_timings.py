"""Sequences whose cycles are worked out by hand from the text of the technical reference manuals.

Cortex-M0: DDI 0432C, table 3-1. Cortex-M0+: DDI 0484C, table 3-1. Cortex-M3: DDI 0337I, table 3-1 and "Load/store
timings" (page 3-9). Cortex-M4: Arm 100166_0001, tables 3-1 and 3-2, "Load/store timings" and the table of FPU
instructions. P is the cycles of a pipeline refill, N the registers of a list. Where a manual gives a range, the range
stands here beside the figure that the model takes.
"""

from dataclasses import dataclass
from itertools import pairwise

import pytest

from tests.unit.timing.assembly import assemble
from tinybayes.timing.cores import model_of
from tinybayes.timing.flow import Flow
from tinybayes.timing.trace import StepTrace

ELSEWHERE = 0x8000


@dataclass(frozen=True)
class Case:
    """``path`` is the order in which instructions are executed; ``leaves`` says that the last one jumps away."""

    core: str
    name: str
    text: str
    cycles: int
    low: int | None = None
    high: int | None = None
    path: tuple[int, ...] | None = None
    leaves: bool = False
    multiplier_cycles: int = 1


def loop(instructions: int, passes: int, before: int = 0) -> tuple[int, ...]:
    """A path through ``before`` instructions, then ``passes`` times through the next ``instructions``."""
    return (*range(before), *(before + k for _ in range(passes) for k in range(instructions)))


M0, M0PLUS, M3, M4 = "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4"
COUNT_DOWN = "start_loop: subs r0, #1\nbne start_loop"
LOOP_OF_TEN = loop(2, 10)

CASES = (
    # --- Cortex-M0+ ---
    Case(M0PLUS, "data processing is 1 each", "movs r0, #1\nadds r0, r0, r1\nlsls r0, r0, #2\neors r0, r1", 4),
    Case(M0PLUS, "extensions and reversals are 1 each", "uxtb r0, r1\nsxth r2, r3\nrev r4, r5", 3),
    Case(M0PLUS, "MULS is 1 with the fast multiplier", "muls r0, r1, r0", 1),
    Case(M0PLUS, "MULS is 32 with the small multiplier", "muls r0, r1, r0", 32, multiplier_cycles=32),
    # LDR 2, then 1: a loaded value can be used at once.
    Case(M0PLUS, "a load is 2, its use waits for nothing", "ldr r0, [r1]\nadds r0, #1", 2 + 1),
    Case(
        M0PLUS, "loads and stores of all widths", "ldrb r0, [r1]\nldrsb r2, [r3, r4]\nldrh r5, [r1]\nstrb r0, [r1]", 8
    ),
    Case(M0PLUS, "PUSH is 1 + N", "push {r4-r7, lr}", 1 + 5),
    Case(M0PLUS, "POP with PC is 3 + N", "pop {r4-r7, pc}", 3 + 5, leaves=True),
    Case(M0PLUS, "LDM and STM are 1 + N", "ldm r0!, {r1, r2, r3}\nstm r4!, {r1, r2, r3}", (1 + 3) + (1 + 3)),
    # SUBS 1 each time; BNE 2 where taken, 9 times, and 1 at the end.
    Case(M0PLUS, "a loop's branch is 2 taken, 1 not", COUNT_DOWN, 10 * 1 + 9 * 2 + 1, path=LOOP_OF_TEN),
    Case(M0PLUS, "B is 2", "b .+0x100", 2, leaves=True),
    # BL 3, then BX 2.
    Case(M0PLUS, "a call and its return", "bl f\nnop\nf: bx lr", 3 + 2 + 1, path=(0, 2, 1)),
    Case(M0PLUS, "BLX is 2", "blx r3", 2, leaves=True),
    Case(M0PLUS, "MOV to PC is 2", "mov pc, r3", 2, leaves=True),
    Case(M0PLUS, "MRS and barriers are 3, NOP 1", "mrs r0, primask\ndmb\nnop", 3 + 3 + 1),
    # The inner step of grouped weights: MOVS 1, LDRSB 2, ADDS 1.
    Case(M0PLUS, "index, load, add", "movs r0, #5\nldrsb r0, [r1, r0]\nadds r2, r2, r0", 1 + 2 + 1),
    # LDRB 2, LDRSB 2, MULS 1, ADDS 1, ADDS 1, CMP 1, BNE 2: 10, and one less in the last of 8 passes.
    Case(
        M0PLUS,
        "a dot product",
        "l: ldrb r3, [r1, r5]\nldrsb r4, [r2, r5]\nmuls r3, r4, r3\nadds r0, r0, r3\nadds r5, #1\ncmp r5, r6\nbne l",
        8 * 10 - 1,
        path=loop(7, 8),
    ),
    # --- Cortex-M0 ---
    Case(M0, "a loop's branch is 3 taken, 1 not", COUNT_DOWN, 10 * 1 + 9 * 3 + 1, path=LOOP_OF_TEN),
    Case(M0, "a call is 4 and its return 3", "bl f\nnop\nf: bx lr", 4 + 3 + 1, path=(0, 2, 1)),
    Case(M0, "POP with PC is 4 + N", "pop {r4, pc}", 4 + 2, leaves=True),
    # --- Cortex-M3 ---
    Case(M3, "MUL is 1, MLA and MLS are 2", "mul r0, r1, r2\nmla r3, r1, r2, r0\nmls r3, r1, r2, r3", 1 + 2 + 2),
    Case(M3, "SMULL is 3 to 5 by operands", "smull r0, r1, r2, r3", 5, 3, 5),
    Case(M3, "UMLAL is 4 to 7 by operands", "umlal r0, r1, r2, r3", 7, 4, 7),
    Case(M3, "UDIV is 2 to 12 by operands", "udiv r0, r1, r2", 12, 2, 12),
    # The four examples of the load/store timings, with the manual's own totals.
    Case(M3, "manual: two loads", "ldr r0, [r1]\nldr r1, [r2]", 3),
    Case(M3, "manual: a load stored at once", "ldr r0, [r1, r2]\nstr r0, [r3, #20]", 3),
    Case(M3, "manual: a load, then a store by register offset", "ldr r0, [r1, r2]\nstr r1, [r3, r2]", 3),
    Case(M3, "manual: three loads", "ldr r0, [r1, r5]\nldr r1, [r2]\nldr r2, [r3, #4]", 4),
    # "the destination of the first LDR is not used to compute the address": here it is, so 2 each.
    Case(M3, "a load at a loaded address does not pipeline", "ldr r0, [r1]\nldr r2, [r0]", 2 + 2),
    Case(M3, "STR with an immediate offset is always 1", "str r0, [r1, #4]\nstr r2, [r1, #8]", 1 + 1),
    Case(M3, "nothing pipelines after a store", "str r0, [r1, #4]\nldr r2, [r3]", 1 + 2),
    Case(M3, "STR by register offset is 2", "str r0, [r1, r2]", 2),
    Case(M3, "LDRD takes three cycles", "ldrd r0, r1, [r2]", 3),
    Case(M3, "an eight element store takes nine", "stm r0!, {r1-r8}", 9),
    # "an address dependent on the result of a preceding data processing operation": one more.
    Case(M3, "a late address costs one more", "adds r0, #4\nldr r1, [r0]", 1 + 2 + 1),
    Case(M3, "an early address does not", "adds r0, #4\nnop\nldr r1, [r0]", 1 + 1 + 2),
    # SUBS 1; BNE 1 + P with P of 1 to 3; the target is 16 bits wide: P is 1.
    Case(M3, "a loop's branch is 1 + P", COUNT_DOWN, 10 + 9 * (1 + 1) + 1, 10 + 9 * 2 + 1, 10 + 9 * 4 + 1, LOOP_OF_TEN),
    Case(M3, "LDR to PC is at least five", "ldr.w pc, [r0]", 5, 5, leaves=True),
    Case(M3, "POP with PC is 1 + N + P", "pop {r4, pc}", 1 + 2 + 3, 1 + 2 + 1, 1 + 2 + 3, leaves=True),
    Case(M3, "TBB is at least six", "tbb [pc, r0]", 6, 6, leaves=True),
    Case(M3, "CBZ is 1 not taken", "cbz r0, .+0x20", 1),
    # IT is 1, or 0 where it is folded into the instruction before.
    Case(M3, "IT is 1 or folded", "it eq\nmoveq r0, #1", 1 + 1, 1, 2),
    Case(M3, "MRS is 1 or 2", "mrs r0, primask", 2, 1, 2),
    Case(M3, "of loads that update their base only the first pipelines", "ldr r0, [r1], #4\nldr r2, [r3], #4", 2 + 2),
    # LDRSB 2, the second 1 (a register offset updates nothing), MLA 2, ADDS 1, CMP 1, BNE 1 + 1.
    Case(
        M3,
        "a dot product",
        "l: ldrsb r3, [r1, r5]\nldrsb r4, [r2, r5]\nmla r0, r3, r4, r0\nadds r5, #1\ncmp r5, r6\nbne l",
        # In every pass but the first the index comes from ADDS three instructions before: no delay.
        8 * (2 + 1 + 2 + 1 + 1 + 2) - 1,
        path=loop(6, 8),
    ),
    # --- Cortex-M4 ---
    Case(M4, "MLA, MLS and long products are 1", "mla r0, r1, r2, r3\nmls r0, r1, r2, r0\nsmull r4, r5, r6, r7", 3),
    Case(M4, "SMLAL is 1", "smlal r0, r1, r2, r3\numaal r0, r1, r2, r3", 1 + 1),
    Case(M4, "DSP multiplications are 1", "smlad r0, r1, r2, r3\nsmlabt r0, r1, r2, r0\nsmmul r4, r5, r6", 3),
    Case(M4, "DSP arithmetic is 1", "sxtb16 r0, r1\nssat r2, #8, r3\nusat r4, #8, r5, asr #3\npkhbt r6, r0, r2", 4),
    Case(M4, "SDIV is 2 to 12 by operands", "sdiv r0, r1, r2", 12, 2, 12),
    Case(M4, "manual: two loads", "ldr r0, [r1]\nldr r1, [r2]", 3),
    Case(M4, "manual: a load, then a store by register offset", "ldr r0, [r1, r2]\nstr r1, [r3, r2]", 3),
    Case(M4, "manual: three loads", "ldr r0, [r1, r5]\nldr r1, [r2]\nldr r2, [r3, #4]", 4),
    # Loads 2 + 1 + 1 + 1, then four multiplications.
    Case(
        M4,
        "four loads, four multiplications",
        "ldrsb.w r0, [r8, #3]\nldrsb.w r1, [r8, #9]\nldrsb.w r2, [r8, #11]\nldrsb.w r3, [r8, #20]\n"
        "mla r4, r0, r9, r4\nmla r4, r1, r10, r4\nmla r4, r2, r9, r4\nmla r4, r3, r11, r4",
        (2 + 1 + 1 + 1) + 4,
    ),
    Case(M4, "loads that update different bases pipeline", "ldr r0, [r1], #4\nldr r2, [r3], #4", 2 + 1),
    Case(M4, "loads that update the same base do not", "ldr r0, [r1], #4\nldr r2, [r1], #4", 2 + 2),
    Case(M4, "a store that updates its base is 1", "ldrb r0, [r1], #1\nstrb r0, [r2], #1", 2 + 1),
    Case(M4, "PUSH is 1 + N", "push {r4-r11, lr}", 1 + 9),
    Case(M4, "POP with PC is 1 + N + P", "pop {r4-r11, pc}", 1 + 9 + 3, 1 + 9 + 1, 1 + 9 + 3, leaves=True),
    # BL 1 + P with P of 1 (its target is 16 bits wide), BX 1 + P with P of 2, NOP 1.
    Case(
        M4, "a call and its return", "bl f\nnop\nf: bx lr", (1 + 1) + (1 + 2) + 1, 2 + 2 + 1, 4 + 4 + 1, path=(0, 2, 1)
    ),
    # NOP 1, then ADD.W 1 and SUBS 1 three times; BNE is taken twice, with P of 2: its target lies across two words.
    Case(
        M4,
        "a branch to a 32-bit instruction across two words",
        "nop\nl: add.w r0, r0, #1\nsubs r1, #1\nbne l",
        1 + 3 * 2 + 2 * (1 + 2) + 1,
        1 + 3 * 2 + 2 * (1 + 1) + 1,
        1 + 3 * 2 + 2 * (1 + 3) + 1,
        loop(3, 3, before=1),
    ),
    Case(
        M4, "three 32-bit instructions across words cost one more", "nop\nadd.w r0, r1\nadd.w r2, r3\nadd.w r4, r5", 5
    ),
    Case(M4, "in line they do not", "add.w r0, r1\nadd.w r2, r3\nadd.w r4, r5", 3),
    # LDR 2, LDR 1, SMLAD 1, SUBS 1, BNE 1 + 1: 7, and one less in the last of 4 passes.
    Case(
        M4,
        "pairs of products",
        "l: ldr r3, [r1], #4\nldr r4, [r2], #4\nsmlad r0, r3, r4, r0\nsubs r5, #1\nbne l",
        4 * 7 - 1,
        path=loop(5, 4),
    ),
    Case(
        M4, "VADD is 1, and 1 more where its result is used next", "vadd.f32 s0, s1, s2\nvmul.f32 s3, s0, s4", 1 + 1 + 1
    ),
    Case(M4, "VFMA is 3, VDIV 14", "vfma.f32 s0, s1, s2\nvdiv.f32 s3, s4, s5", 3 + 14),
    Case(M4, "VLDR is 2, VPUSH 1 + N", "vldr s0, [r0]\nvpush {s16-s19}", 2 + (1 + 4)),
    Case(M4, "VMOV of two registers is 2", "vmov r0, r1, s0, s1\nvmov s2, r3", 2 + 1),
)


def cycles_of(case: Case, directory) -> int:
    program = assemble(case.text, case.core, directory)
    addresses = sorted(program.instructions)
    count = case.text.count("\n") + 1
    # The assembler fills the last word, on Armv6-M with an instruction that counts as one.
    filled = [address for address in addresses[count:] if address % 4 == 2]
    assert len(addresses) == count + len(filled) <= count + 1, "other instructions than the text says"
    path = case.path if case.path is not None else tuple(range(count))
    visited = [addresses[k] for k in path] + ([ELSEWHERE] if case.leaves else [])
    executed: dict[int, int] = {}
    for k in path:
        executed[addresses[k]] = executed.get(addresses[k], 0) + 1
    edges: dict[tuple[int, int], int] = {}
    for source, target in pairwise(visited):
        if target != program.at(source).end:
            edges[source, target] = edges.get((source, target), 0) + 1
    model = model_of(case.core, case.multiplier_cycles)
    return model.flow_cycles(Flow(program, StepTrace(executed=executed, edges=edges)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.core}: {case.name}")
def test_cycles_are_those_of_the_manual(case, tmp_path):
    cycles = cycles_of(case, tmp_path)
    assert cycles == case.cycles
    assert case.low is None or case.low <= cycles
    assert case.high is None or cycles <= case.high


def test_there_are_enough_of_them():
    counts = {core: sum(case.core == core for case in CASES) for core in (M0PLUS, M3, M4)}
    assert sum(counts.values()) >= 40
    assert min(counts.values()) >= 12
