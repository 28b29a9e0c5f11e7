"""Micro-benchmarks: sixteen instructions of one class, against the cycles that the core's manual has for one.

Cortex-M0+: DDI 0484C, table 3-1. Cortex-M3: DDI 0337I, table 3-1. Cortex-M4: Arm 100166_0001, tables 3-1 and 3-2.
Loads and stores that follow each other are pipelined on the M3 and M4 ("Load/store timings"): one cycle each.
"""

from pathlib import Path

from tests.unit.timing.assembly import assemble
from tinybayes.timing.cores import model_of
from tinybayes.timing.flow import Flow
from tinybayes.timing.trace import StepTrace

COPIES = 16
_BOTH = {
    "move": ("mov r0, r8", 1),
    "add": ("adds r0, r0, r1", 1),
    "logic": ("eors r0, r1", 1),
    "shift": ("lsls r0, r1, #3", 1),
    "compare": ("cmp r0, r1", 1),
    "multiply": ("muls r0, r1, r0", 1),
    "extend": ("sxtb r0, r1", 1),
    "reverse": ("rev r0, r1", 1),
    "no operation": ("nop", 1),
}
_V7M = {
    **_BOTH,
    "shifted operand": ("add.w r0, r1, r2, lsl #3", 1),
    "bit field": ("ubfx r0, r1, #3, #5", 1),
    "load word, pipelined": ("ldr r0, [r7, #4]", 1),
    "load byte, pipelined": ("ldrb r0, [r7, #1]", 1),
    "store word, pipelined": ("str r0, [r7, #4]", 1),
}
CLASSES = {
    "cortex-m0plus": {
        **_BOTH,
        "load word": ("ldr r0, [r7, #4]", 2),
        "load byte": ("ldrb r0, [r7, #1]", 2),
        "store word": ("str r0, [r7, #4]", 2),
        "load 3 registers": ("ldm r7!, {r0, r1, r2}", 4),
        "push 3 registers": ("push {r0, r1, r2}", 4),
    },
    "cortex-m3": {**_V7M, "multiply and add": ("mla r0, r1, r2, r3", 2)},
    "cortex-m4": {
        **_V7M,
        "multiply and add": ("mla r0, r1, r2, r3", 1),
        "dual multiply and add": ("smlad r0, r1, r2, r0", 1),
        "long multiply and add": ("smlal r0, r1, r2, r3", 1),
        "two bytes extended": ("sxtb16 r0, r1", 1),
        "saturate": ("ssat r0, #8, r1", 1),
    },
}


def cycles_of(core: str, text: str, work: Path) -> float:
    """What one more instruction of the class costs among others of it."""

    def run(copies: int) -> int:
        program = assemble("\n".join([text] * copies), core, work)
        executed = dict.fromkeys(sorted(program.instructions)[:copies], 1)
        return model_of(core).flow_cycles(Flow(program, StepTrace(executed=executed)))

    return (run(2 * COPIES) - run(COPIES)) / COPIES
