"""When instructions are issued on the cores that have no table, against what their sources measured."""

from fractions import Fraction
from itertools import pairwise

import pytest

from tests.unit.timing.assembly import assemble
from tinybayes.errors import InternalError
from tinybayes.timing.cores import model_of
from tinybayes.timing.flow import Flow
from tinybayes.timing.issue import Pipeline, steady_state_cycles
from tinybayes.timing.trace import StepTrace


def steady(core, text, directory):
    program = assemble(text, core, directory)
    body = [program.instructions[at] for at in sorted(program.instructions)][: text.count("\n") + 1]
    return steady_state_cycles(model_of(core).rules, body)


@pytest.mark.parametrize(
    ("what", "text", "cycles"),
    [
        ("two additions a cycle", "add.w r0, r1, r2\nadd.w r3, r1, r2", 1),
        ("an addition and one of its result in one cycle", "add.w r0, r1, r2\nadd.w r3, r0, r2", 1),
        ("one multiplication a cycle", "mul r0, r1, r2\nmul r3, r1, r2", 2),
        ("accumulators chain each cycle", "mla r0, r1, r2, r0\nmla r0, r1, r2, r0", 2),
        ("a product is there one cycle later", "mul r0, r1, r0", 2),
        ("two loads a cycle", "ldr r0, [r1]\nldr r2, [r3]", 1),
        ("a loaded word is an address two cycles later", "ldr r0, [r0]", 2),
        ("a loaded byte one more", "ldrb r0, [r0]", 3),
        ("a load is stored in the same cycle", "ldr r0, [r1]\nstr r0, [r2]", 1),
        ("one store a cycle", "str r0, [r1]\nstr r0, [r1, #4]", 2),
        ("no multiplication beside a store", "mul r0, r1, r2\nstr r3, [r4]", 2),
        ("one bit field a cycle", "ubfx r0, r1, #1, #2\nubfx r2, r1, #1, #2", 2),
        ("no two shifted operands a cycle", "add r0, r1, r2, lsl #2\nadd r3, r1, r2, lsl #2", 2),
        ("half a cycle for each register", "ldmia r0, {r1-r8}", 4),
    ],
)
def test_cortex_m7(what, text, cycles, tmp_path):
    """jnk0le/random, doc/cortex_m7.md: measured on an STM32H743."""
    assert steady("cortex-m7", text, tmp_path) == cycles, what


@pytest.mark.parametrize(
    ("what", "text", "cycles"),
    [
        ("one instruction a cycle", "adds r0, r1, r2\nadds r3, r1, r2", 2),
        ("a NOP of 16 bits beside another", "adds r0, r1, r2\nnop", 1),
        ("not beside one of 32 bits", "add.w r0, r1, r2\nnop", 2),
        ("load to use 2", "ldr r0, [r0]", 2),
        ("load to accumulator 1", "ldr r0, [r1]\nmla r2, r3, r4, r0", 2),
        ("load to factor 2", "ldr r0, [r1]\nmla r2, r3, r0, r2", 3),
        ("load to store 1", "ldr r0, [r1]\nstr r0, [r2]", 2),
        ("accumulators chain", "mla r0, r1, r2, r0", 1),
        ("a product is there after 2", "mul r0, r1, r0", 2),
        ("MULS takes 2", "muls r0, r1, r0\nmov r2, r3", 3),
        ("a shifted operand's result is there after 2", "add r0, r0, r1, lsl #2", 2),
        ("a cycle for each register", "ldmia r0, {r1-r8}", 8),
        ("LDRD takes 2", "ldrd r0, r1, [r2]", 2),
    ],
)
def test_cortex_m33(what, text, cycles, tmp_path):
    """jnk0le/random, doc/cortex_m33.md: measured on an RP2350."""
    assert steady("cortex-m33", text, tmp_path) == cycles, what


@pytest.mark.parametrize(
    ("what", "text", "cycles"),
    [
        ("two cycles a vector", "vadd.i8 q0, q1, q2\nvadd.i8 q3, q1, q2", 4),
        ("two units overlap", "vldrb.u8 q0, [r0]\nvmladava.s8 r4, q0, q1", 2),
        ("scalar beside vector", "vadd.i8 q0, q1, q2\nadds r0, r1, r2", 2),
        ("16 lanes are 8 cycles of two accesses", "vldrb.u8 q0, [r0, q1]", 8),
        ("4 lanes are 2", "vldrw.u32 q0, [r0, q1]", 2),
    ],
)
def test_cortex_m55(what, text, cycles, tmp_path):
    """Arm-Examples/Helium-Optimization, processor_specific.md and ml-dsp-front-end-optimization-with-helium.md."""
    assert steady("cortex-m55", text, tmp_path) == cycles, what


def test_arms_four_rows_take_ten_cycles(tmp_path):
    """Helium-Optimization: 10 cycles for 16 columns of 4 rows, 0.156 a multiplication."""
    rows = "\n".join(f"vldrb.u8 q{k}, [r{k}]\nvmladava.s8 r{4 + 2 * k}, q0, q{k}" for k in range(1, 5))
    assert steady("cortex-m55", f"vldrb.u8 q0, [r0]\n{rows}", tmp_path) == 10


def flow_of(program, path):
    addresses = sorted(program.instructions)
    executed, edges = {}, {}
    for k in path:
        executed[addresses[k]] = executed.get(addresses[k], 0) + 1
    for source, target in pairwise(addresses[k] for k in path):
        if target != program.at(source).end:
            edges[source, target] = edges.get((source, target), 0) + 1
    return Flow(program, StepTrace(executed, edges))


def test_arms_delay_loop_on_cortex_m33_takes_three_cycles(tmp_path):
    """mbed-os, mbed_wait_api_no_rtos.c: (SUB, NOP) = 1, (NOP, BCS) = 2; the last branch is not taken."""
    program = assemble("l: subs r0, #1\nnop\nnop\nbcs l", "cortex-m33", tmp_path)
    assert model_of("cortex-m33").flow_cycles(flow_of(program, [0, 1, 2, 3] * 100)) == 99 * 3 + 2


def test_arms_delay_loop_on_cortex_m7_takes_two_cycles(tmp_path):
    """Same place: (SUB, NOP) = 1, (NOP, BCS) = 1; the end of the loop is mispredicted, for 8 cycles."""
    program = assemble("l: subs r0, #1\nnop\nnop\nbcs l", "cortex-m7", tmp_path)
    assert model_of("cortex-m7").flow_cycles(flow_of(program, [0, 1, 2, 3] * 100)) == 100 * 2 + 8


def test_low_overhead_loop_branches_for_nothing(tmp_path):
    program = assemble(
        "dls lr, r0\nl: vldrb.u8 q0, [r1], #16\nvmladava.s8 r4, q0, q1\nle lr, l", "cortex-m55", tmp_path
    )
    model = model_of("cortex-m55")
    few, many = (model.flow_cycles(flow_of(program, [0, *([1, 2, 3] * n)])) for n in (10, 110))
    assert many - few == 100 * 2


def test_state_is_kept_from_block_to_block(tmp_path):
    """A load at the end of one block delays the use of its result at the start of the next."""
    apart = assemble("ldr r0, [r1]\nl: adds r0, #1\nsubs r2, #1\nbne l", "cortex-m33", tmp_path)
    other = assemble("ldr r3, [r1]\nl: adds r0, #1\nsubs r2, #1\nbne l", "cortex-m33", tmp_path)
    model = model_of("cortex-m33")
    path = [0, *([1, 2, 3] * 5)]
    assert model.flow_cycles(flow_of(apart, path)) == model.flow_cycles(flow_of(other, path)) + 1


def test_copy_of_a_pipeline_is_independent(tmp_path):
    program = assemble("ldr r0, [r0]\nldr r0, [r0]", "cortex-m7", tmp_path)
    pipeline = Pipeline(model_of("cortex-m7").rules)
    pipeline.run([program.at(0)])
    copy = pipeline.copy()
    copy.run([program.at(2)])
    assert (pipeline.cycle, copy.cycle) == (0, 2)


def test_trace_that_contradicts_itself_is_our_bug(tmp_path):
    program = assemble("nop\nnop", "cortex-m7", tmp_path)
    flow = Flow(program, StepTrace(executed={0: 5, 2: 3}))
    with pytest.raises(InternalError, match="a trace contradicts itself: 5 arrivals"):
        model_of("cortex-m7").flow_cycles(flow)


def test_instruction_that_a_core_does_not_have_is_our_bug(tmp_path):
    program = assemble("smlad r0, r1, r2, r3", "cortex-m4", tmp_path)
    with pytest.raises(InternalError, match="timing table of the cortex-m3 has no row for multiply_dsp"):
        model_of("cortex-m3").flow_cycles(flow_of(program, [0]))
    vectors = assemble("vadd.i8 q0, q1, q2", "cortex-m55", tmp_path)
    with pytest.raises(InternalError, match="the timing table has no row for vector"):
        steady_state_cycles(model_of("cortex-m7").rules, [vectors.at(0)])
    assert Fraction(1) == steady_state_cycles(
        model_of("cortex-m55").rules, [assemble("adds r0, r1, r2", "cortex-m55", tmp_path).at(0)]
    )
