import resource
import shutil
from dataclasses import replace

import pytest

from tinybayes.build.elf import constant_range
from tinybayes.build.program import run_program
from tinybayes.errors import DeviceError, InternalError, ToolError
from tinybayes.timing.emulate import Marks, trace_in_qemu
from tinybayes.timing.program import Program

MACHINE = "mps2-an386"
MARKS = Marks("toy_run", {0: "toy_step_0", 1: "toy_step_1", 2: "toy_step_2"}, caller="reset_handler")
PLAIN = ["-display", "none", "-monitor", "none", "-serial", "null", "-semihosting-config", "enable=on,target=native"]

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def program(toy_elf):
    return Program.load(toy_elf, "cortex-m4")


@pytest.fixture(scope="module")
def trace(toy_elf, program):
    return trace_in_qemu(toy_elf, program, MACHINE, MARKS)


def test_counts_are_those_worked_out_by_hand(trace, program):
    """arm-none-eabi-gcc 12.2 compiles toy_step_0 to 2 instructions, a loop of 4 that runs 96 times, and a return."""
    step = trace.steps[0]
    assert step.instructions == 2 + 4 * 96 + 1
    assert sorted(step.executed.values()) == [1, 1, 1, 96, 96, 96, 96]
    # The loop's branch goes back 95 times; the return leaves for toy_run.
    assert sorted(step.edges.values()) == [1, 95]
    assert (step.loads, step.stores) == (96, 96)
    first, size_bytes = program.functions["toy_step_0"]
    assert all(first <= source < first + size_bytes for source, _ in step.edges)


def test_entry_is_what_calls_the_steps(trace, program):
    # toy_run up to its jump to the last step: 11 instructions, of which it calls twice and jumps once.
    assert trace.entry.instructions == 11
    steps = {program.functions[name][0] for name in MARKS.steps.values()}
    assert {target for _, target in trace.entry.edges} == steps


def test_function_that_steps_share_counts_for_each(trace, program):
    """dot() runs 32 times for 33 products in step 1, and 5 times for 32 products in step 2."""
    first, size_bytes = program.functions["dot"]
    products = [
        max(count for at, count in trace.steps[n].executed.items() if first <= at < first + size_bytes) for n in (1, 2)
    ]
    assert products == [32 * 33, 5 * 32]
    assert trace.instructions == trace.entry.instructions + sum(s.instructions for s in trace.steps.values())


def test_constants_that_are_loaded_are_told_from_variables(trace, program):
    # Step 1 reads 33 weights for each of 32 sums, and one address from its pool of literals.
    assert sorted(trace.steps[1].flash_load_bytes.values()) == [4, 32 * 33]
    assert trace.steps[0].flash_load_bytes == {}
    assert all(program.at(address).access_bytes for address in trace.steps[1].flash_load_bytes)


def test_flow_explains_every_execution(trace):
    """Arrivals by sequence and by edge are what was executed, except where another step's branch arrives."""
    step = trace.steps[1]
    arrivals = dict.fromkeys(step.executed, 0)
    for (_, target), count in step.edges.items():
        if target in arrivals:
            arrivals[target] += count
    unexplained = 0
    addresses = sorted(step.executed)
    for before, address in zip([None, *addresses], addresses, strict=False):
        if before is not None and address - before in (2, 4):
            arrivals[address] += step.executed[before] - step.taken(before)
        unexplained += step.executed[address] - arrivals[address]
    assert unexplained == 1  # the call of the step


def test_trace_repeats(toy_elf, program, trace):
    assert trace_in_qemu(toy_elf, program, MACHINE, MARKS) == trace


def test_total_is_the_difference_that_one_more_inference_makes(build_toy, trace):
    counts = []
    for inferences in (2, 3):
        elf = build_toy(INFERENCES=str(inferences))
        counts.append(trace_in_qemu(elf, Program.load(elf, "cortex-m4"), MACHINE, MARKS))
    for step in MARKS.steps:
        assert counts[1].steps[step].instructions - counts[0].steps[step].instructions == trace.steps[step].instructions
    assert counts[1].instructions - counts[0].instructions == trace.instructions


def test_run_with_the_plugin_takes_at_most_three_times_as_long(build_toy):
    """Long enough, 140 million instructions, that neither the start nor the translation matters; best of three.

    The processor's time is compared, which other programs on the machine change less than the clock's.
    """
    elf = build_toy(INFERENCES="20000")
    program = Program.load(elf, "cortex-m4")
    plain = [shutil.which("qemu-system-arm"), "-M", MACHINE, *PLAIN, "-kernel", elf]
    without = min(processor_seconds(lambda: run_program(plain, 60)) for _ in range(3))
    with_plugin = min(processor_seconds(lambda: trace_in_qemu(elf, program, MACHINE, MARKS)) for _ in range(3))
    assert with_plugin <= 3 * without


def processor_seconds(run) -> float:
    """What the programs that ``run`` starts take of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_constants_lie_where_the_image_is_in_flash(toy_elf):
    first, end = constant_range(toy_elf)
    assert first == 0
    assert 400 < end < 4096


def test_missing_function_is_our_bug(toy_elf, program):
    with pytest.raises(InternalError, match="has no function toy_step_7"):
        trace_in_qemu(toy_elf, program, MACHINE, replace(MARKS, steps={7: "toy_step_7"}))


def test_same_function_for_two_steps_is_our_bug(toy_elf, program):
    with pytest.raises(InternalError, match="are the same code"):
        trace_in_qemu(toy_elf, program, MACHINE, replace(MARKS, steps={0: "toy_step_0", 1: "toy_step_0"}))


def test_image_that_never_passes_the_marks_is_said_so(toy_elf, program):
    backwards = replace(MARKS, begin="bench_end", end="bench_begin")
    with pytest.raises(DeviceError, match=r"went from bench_end to bench_begin 0 times"):
        trace_in_qemu(toy_elf, program, MACHINE, backwards)


def test_image_that_stops_with_an_error_is_said_so(build_toy, program):
    with pytest.raises(DeviceError, match=r"QEMU's mps2-an386 stopped with status 1 while"):
        trace_in_qemu(build_toy(STOP_REASON="0x20023"), program, MACHINE, MARKS)


def test_image_that_hangs_is_stopped(build_toy, program):
    endless = build_toy(INFERENCES="0xFFFFFFFF")
    with pytest.raises(DeviceError, match=r"did not stop within 1 s on QEMU's mps2-an386"):
        trace_in_qemu(endless, program, MACHINE, MARKS, timeout_seconds=1)


def test_unknown_machine_shows_what_qemu_said(toy_elf, program):
    with pytest.raises(DeviceError, match=r"stopped with status 1(.|\n)*unsupported machine type"):
        trace_in_qemu(toy_elf, program, "abacus", MARKS)


def test_missing_qemu_is_said_so(toy_elf, program, monkeypatch, tmp_path):
    (tmp_path / "gcc").symlink_to(shutil.which("gcc"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"qemu-system-arm was not found .* apt-get install -y qemu-system-arm"):
        trace_in_qemu(toy_elf, program, MACHINE, MARKS)
