import shutil

import pytest

from tinybayes.errors import DeviceError, InternalError, ToolError
from tinybayes.timing.instructions import count_instructions

MACHINE = "mps2-an386"
STEPS = {0: "toy_step_0", 1: "toy_step_1", 2: "toy_step_2"}
MARKS = {"begin": "bench_begin", "end": "bench_end"}

pytestmark = pytest.mark.emulated


def test_counts_are_those_worked_out_by_hand(toy_elf):
    """arm-none-eabi-gcc 12.2 compiles toy_step_0 to 2 instructions, a loop of 4 that runs 96 times, and a return."""
    counts = count_instructions(toy_elf, MACHINE, **MARKS, steps=STEPS, entry="toy_run")
    assert counts.per_step[0] == 2 + 4 * 96 + 1
    # toy_run up to its jump to the last step, and the call of toy_run.
    assert counts.entry == 11 + 1


def test_steps_and_entry_sum_to_the_total_whoever_owns_what(toy_elf):
    with_entry = count_instructions(toy_elf, MACHINE, **MARKS, steps=STEPS, entry="toy_run")
    without = count_instructions(toy_elf, MACHINE, **MARKS, steps=STEPS)
    nobody = count_instructions(toy_elf, MACHINE, **MARKS, steps={})
    for counts in (with_entry, without, nobody):
        assert counts.total == counts.entry + sum(counts.per_step.values())
    assert with_entry.total == without.total == nobody.total
    assert nobody.per_step == {}


def test_function_that_steps_share_counts_for_each(toy_elf):
    """dot() runs 32 times for 33 products in step 1, and 5 times for 32 products in step 2: 33 : 5, nearly."""
    counts = count_instructions(toy_elf, MACHINE, **MARKS, steps=STEPS, entry="toy_run")
    assert counts.per_step[1] / counts.per_step[2] == pytest.approx(33 / 5, rel=0.05)


def test_total_is_the_difference_that_one_more_inference_makes(toy_elf, build_toy):
    once = count_instructions(toy_elf, MACHINE, **MARKS, steps=STEPS, entry="toy_run")
    first, second = (
        count_instructions(build_toy(INFERENCES=str(n)), MACHINE, **MARKS, steps=STEPS, entry="toy_run") for n in (2, 3)
    )
    for step in (0, 1):
        assert second.per_step[step] - first.per_step[step] == once.per_step[step]
    # The harness's loop around its call is all that may differ.
    assert 0 <= second.total - first.total - once.total <= 20


def test_missing_function_is_our_bug(toy_elf):
    with pytest.raises(InternalError, match="has no function toy_step_7"):
        count_instructions(toy_elf, MACHINE, **MARKS, steps={7: "toy_step_7"})


def test_same_function_for_two_steps_is_our_bug(toy_elf):
    with pytest.raises(InternalError, match="are the same code"):
        count_instructions(toy_elf, MACHINE, **MARKS, steps={0: "toy_step_0", 1: "toy_step_0"})


def test_image_that_never_passes_the_marks_is_said_so(toy_elf):
    with pytest.raises(DeviceError, match=r"went from bench_end to bench_begin 0 times"):
        count_instructions(toy_elf, MACHINE, begin="bench_end", end="bench_begin", steps=STEPS)


def test_image_that_stops_with_an_error_is_said_so(build_toy):
    with pytest.raises(DeviceError, match=r"QEMU's mps2-an386 stopped with status 1 while"):
        count_instructions(build_toy(STOP_REASON="0x20023"), MACHINE, **MARKS, steps=STEPS)


def test_image_that_hangs_is_stopped(build_toy):
    endless = build_toy(INFERENCES="0xFFFFFFFF")
    with pytest.raises(DeviceError, match=r"did not stop within 1 s on QEMU's mps2-an386"):
        count_instructions(endless, MACHINE, **MARKS, steps=STEPS, timeout_seconds=1)


def test_unknown_machine_shows_what_qemu_said(toy_elf):
    with pytest.raises(DeviceError, match=r"stopped with status 1(.|\n)*unsupported machine type"):
        count_instructions(toy_elf, "abacus", **MARKS, steps=STEPS)


def test_missing_qemu_is_said_so(toy_elf, monkeypatch, tmp_path):
    (tmp_path / "gcc").symlink_to(shutil.which("gcc"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"qemu-system-arm was not found .* apt-get install -y qemu-system-arm"):
        count_instructions(toy_elf, MACHINE, **MARKS, steps=STEPS)
