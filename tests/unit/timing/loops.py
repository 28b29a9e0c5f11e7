"""Inner loops by name, and what llvm-mca says of their steady state."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.unit.timing.assembly import assemble
from tinybayes.timing.cores import model_of
from tinybayes.timing.flow import Flow
from tinybayes.timing.trace import StepTrace

LOOPS = {
    "cortex-m7": {
        # tb_linear_index, as gcc 12 -O2 compiles it: four nonzeros (llvm-mca 22 crashes on negative offsets)
        "index stream": """
            ldrb.w r6, [r3, #0]
            subs r2, #4
            ldrsb.w lr, [r3, #1]
            ldrsb r6, [r0, r6]
            cmp r2, #3
            smlabb r1, lr, r6, r1
            ldrb.w r6, [r3, #2]
            ldrsb.w lr, [r3, #3]
            ldrsb r6, [r0, r6]
            smlabb r1, lr, r6, r1
            ldrb.w r6, [r3, #4]
            ldrsb.w lr, [r3, #5]
            ldrsb r6, [r0, r6]
            smlabb r6, lr, r6, r1
            ldrb.w r1, [r3, #6]
            ldrsb.w lr, [r3, #7]
            ldrsb r1, [r0, r1]
            adds r3, #8
            smlabb r1, lr, r1, r6
            bhi loop
        """,
        # two fields by two rows, eight columns, 64 bytes apart, as in the dense convolution
        "dense pairs": """
            ldr r4, [r1, #0]
            ldr r5, [r1, #64]
            ldr r6, [r0, #0]
            sxtb16 r7, r4, ror #8
            sxtb16 r8, r5, ror #8
            sxtb16 lr, r6, ror #8
            sxtb16 r4, r4
            sxtb16 r5, r5
            sxtb16 r6, r6
            smlad r9, r7, lr, r9
            smlad r11, r8, lr, r11
            smlad r9, r4, r6, r9
            smlad r11, r5, r6, r11
            ldr r6, [r0, #64]
            sxtb16 lr, r6, ror #8
            sxtb16 r6, r6
            smlad r10, r7, lr, r10
            smlad r12, r8, lr, r12
            smlad r10, r4, r6, r10
            smlad r12, r5, r6, r12
            ldr r4, [r1, #4]
            ldr r5, [r1, #68]
            ldr r6, [r0, #4]
            sxtb16 r7, r4, ror #8
            sxtb16 r8, r5, ror #8
            sxtb16 lr, r6, ror #8
            sxtb16 r4, r4
            sxtb16 r5, r5
            sxtb16 r6, r6
            smlad r9, r7, lr, r9
            smlad r11, r8, lr, r11
            smlad r9, r4, r6, r9
            smlad r11, r5, r6, r11
            ldr r6, [r0, #68]
            sxtb16 lr, r6, ror #8
            sxtb16 r6, r6
            smlad r10, r7, lr, r10
            smlad r12, r8, lr, r12
            smlad r10, r4, r6, r10
            smlad r12, r5, r6, r12
            adds r1, #8
            adds r0, #8
            cmp r1, r3
            bne loop
        """,
        # four outputs share an index and an activation
        "4x1 blocks": """
            ldrb r6, [r3]
            ldr r7, [r2]
            add r3, r3, #1
            add r2, r2, #4
            ldrsb r6, [r0, r6]
            sxtb16 r8, r7
            sxtb16 r7, r7, ror #8
            smlabb r4, r8, r6, r4
            smlatb r5, r8, r6, r5
            smlabb r9, r7, r6, r9
            smlatb r10, r7, r6, r10
            cmp r3, r11
            bne loop
        """,
        # tb_requantize, as gcc 12 -O2 compiles it: both clamps without branches
        "requantize": """
            ldr r1, [r0]
            adds r0, #4
            asrs r1, r1, #1
            and.w r1, r1, r1, asr #31
            add.w r4, r1, r8
            add.w r1, r1, #32640
            and.w r4, r4, r4, asr #31
            adds r1, #127
            subs r1, r1, r4
            mul r1, r9, r1
            add.w r1, r1, #1048576
            asrs r1, r1, #21
            subs r1, #255
            and.w r1, r1, r1, asr #31
            adds r1, #255
            asrs r4, r1, #31
            bics r1, r4
            strb r1, [r2]
            adds r2, #1
            cmp r0, r3
            bne loop
        """,
        # tb_conv_sums: each (offset, weight) pair is used at four positions
        "convolution pairs": """
            ldrh r6, [r0]
            ldrsh r7, [r0, #2]
            ldrb r8, [r1, r6]
            ldrb r9, [r2, r6]
            ldrb r10, [r3, r6]
            ldrb r6, [r4, r6]
            adds r0, #4
            smlabb r5, r7, r8, r5
            smlabb r11, r7, r9, r11
            smlabb r12, r7, r10, r12
            smlabb lr, r7, r6, lr
            cmp r0, sp
            bne loop
        """,
    },
    "cortex-m55": {
        "dense vectors": """
            vldrb.s8 q0, [r0], #16
            vldrb.s8 q1, [r1], #16
            vmladava.s8 r2, q0, q1
            letp lr, loop
        """,
        # four rows share a block of activations
        "four rows": """
            vldrb.s8 q0, [r0], #16
            vldrb.s8 q1, [r1], #16
            vmladava.s8 r4, q0, q1
            vldrb.s8 q2, [r2], #16
            vmladava.s8 r6, q0, q2
            vldrb.s8 q3, [r3], #16
            vmladava.s8 r8, q0, q3
            vldrb.s8 q4, [r5], #16
            vmladava.s8 r10, q0, q4
            letp lr, loop
        """,
        "1x16 blocks": """
            ldrb r4, [r0], #1
            add r5, r3, r4, lsl #4
            vldrb.s8 q0, [r5]
            vldrb.s8 q1, [r1], #16
            vmladava.s8 r2, q0, q1
            le lr, loop
        """,
        "requantize vectors": """
            vldrw.s32 q0, [r0], #16
            vqrdmulh.s32 q0, q0, r1
            vrshl.s32 q0, r2
            vmax.s32 q0, q0, q6
            vmin.s32 q0, q0, q7
            vstrb.32 q0, [r3], #4
            letp lr, loop
        """,
        "maximum pooling": """
            vldrb.s8 q0, [r0], #16
            vldrb.s8 q1, [r1], #16
            vmax.s8 q0, q0, q1
            vstrb.8 q0, [r2], #16
            letp lr, loop
        """,
    },
}
GATHER = """
    vldrb.u8 q0, [r0], #16
    vldrb.s8 q1, [r1], #16
    vldrb.u8 q2, [r3, q0]
    vmladava.s8 r2, q1, q2
    letp lr, loop
"""
"""On the Cortex-M55: llvm-mca charges a gather of 16 bytes 2 cycles, Arm's guide 8 (two accesses a cycle)."""
_TRIPLES = {"cortex-m7": "thumbv7em-none-eabihf", "cortex-m55": "thumbv8.1m.main-none-eabihf"}
_ITERATIONS = 1000
_VERSIONS = (*range(30, 21, -1),)


def llvm_mca() -> Path | None:
    """A current llvm-mca: older ones have no model of the Cortex-M55."""
    found = (shutil.which(f"llvm-mca-{version}") for version in _VERSIONS)
    return next((Path(path) for path in found if path is not None), None)


def mca_cycles(core: str, body: str, tool: Path) -> float:
    """Cycles of one iteration of a loop in its steady state."""
    lines = [line for line in body.strip().splitlines() if not line.strip().startswith("le")]
    text = ".syntax unified\n.thumb\nloop:\n" + "\n".join(lines) + "\n"
    command = [tool, f"-mtriple={_TRIPLES[core]}", f"-mcpu={core}", f"-iterations={_ITERATIONS}", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    total = re.search(r"^Total Cycles:\s+(\d+)$", done.stdout, re.MULTILINE)
    assert total is not None, done.stdout
    return int(total[1]) / _ITERATIONS


def model_cycles(core: str, body: str, work: Path) -> float:
    """Cycles of one iteration by the core's model, in the middle of a long loop."""
    program = assemble(f"loop:\n{body}", core, work)
    addresses = sorted(program.instructions)
    end = next(at for at in addresses if program.instructions[at].target == addresses[0])
    inside = [address for address in addresses if address <= end]

    def passes(count: int) -> int:
        step = StepTrace(executed=dict.fromkeys(inside, count), edges={(end, inside[0]): count - 1})
        return model_of(core).flow_cycles(Flow(program, step))

    return (passes(2 * _ITERATIONS) - passes(_ITERATIONS)) / _ITERATIONS
