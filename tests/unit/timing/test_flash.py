"""Waiting for flash, worked out by hand: lines of code that are entered, and constants that are loaded."""

from itertools import pairwise

import pytest

from tests.unit.timing.assembly import assemble
from tinybayes.boards import FlashTiming
from tinybayes.timing.cores import model_of
from tinybayes.timing.model import step_cycles
from tinybayes.timing.trace import StepTrace

M3 = model_of("cortex-m3")
NOP_8_BYTES = "nop\nnop\nnop\nnop"


def stalls(text, path, flash, directory, flash_load_bytes=None):
    """Cycles that ``text`` waits where its instructions are executed in the order of ``path``."""
    program = assemble(text, "cortex-m3", directory)
    addresses = sorted(program.instructions)
    executed, edges = {}, {}
    for k in path:
        executed[addresses[k]] = executed.get(addresses[k], 0) + 1
    for source, target in pairwise(addresses[k] for k in path):
        if target != program.at(source).end:
            edges[source, target] = edges.get((source, target), 0) + 1
    step = StepTrace(executed, edges, {addresses[k]: n for k, n in (flash_load_bytes or {}).items()})
    return step_cycles(program, step, M3, flash).flash_stall_cycles


def without_cache(wait_states, *, prefetch=False):
    return FlashTiming(read_bits=64, wait_states=wait_states, prefetch=prefetch, cache_line_bytes=0, cache_lines=0)


def with_cache(cache_lines):
    return FlashTiming(read_bits=128, wait_states=5, prefetch=False, cache_line_bytes=16, cache_lines=cache_lines)


def test_memory_without_wait_states_is_not_waited_for(tmp_path):
    assert stalls(NOP_8_BYTES, range(4), without_cache(0), tmp_path, {0: 4}) == 0


def test_each_line_costs_the_wait_states(tmp_path):
    assert stalls(f"{NOP_8_BYTES}\n{NOP_8_BYTES}", range(8), without_cache(2), tmp_path) == 2 + 2


@pytest.mark.parametrize(("wait_states", "cycles"), [(2, 2 + 0), (3, 3 + 0), (5, 5 + 2)])
def test_prefetch_hides_what_the_line_before_takes(wait_states, cycles, tmp_path):
    """Four instructions of one cycle: three cycles pass between the arrival of their line and the need of the next."""
    flash = without_cache(wait_states, prefetch=True)
    assert stalls(f"{NOP_8_BYTES}\n{NOP_8_BYTES}", range(8), flash, tmp_path) == cycles


@pytest.mark.parametrize("prefetch", [False, True])
def test_loop_within_a_line_waits_once(prefetch, tmp_path):
    flash = without_cache(2, prefetch=prefetch)
    assert stalls("l: subs r0, #1\nbne l", [0, 1] * 10, flash, tmp_path) == 2


def test_branch_to_another_line_waits_despite_prefetch(tmp_path):
    """Ten passes through two lines: the first is branched to each time, the second follows behind four cycles."""
    text = f"l: {NOP_8_BYTES}\nnop\nnop\nsubs r0, #1\nbne l"
    path = list(range(8)) * 10
    assert stalls(text, path, without_cache(2), tmp_path) == 10 * (2 + 2)
    assert stalls(text, path, without_cache(2, prefetch=True), tmp_path) == 10 * 2


def test_loop_that_fits_the_cache_is_read_once(tmp_path):
    text = "l: " + "nop\n" * 22 + "subs r0, #1\nbne l"  # 48 bytes: 3 lines
    path = list(range(24)) * 10
    assert stalls(text, path, with_cache(4), tmp_path) == 3 * 5
    assert stalls(text, path, with_cache(2), tmp_path) == 10 * 3 * 5


def test_loop_that_fits_inside_one_that_does_not_is_read_each_time_it_is_entered(tmp_path):
    """Outer loop of 3 lines, of which the last holds an inner loop; the cache has 2.

    Three passes through the first two lines cost 5 each, and three times the inner loop's line is read.
    """
    text = "outer: " + "nop\n" * 16 + "inner: subs r0, #1\nbne inner\nsubs r1, #1\nbne outer"
    path = [*range(16), *([16, 17] * 4), 18, 19] * 3
    assert stalls(text, path, with_cache(2), tmp_path) == 3 * (5 + 5) + 3 * 5
    assert stalls(text, path, with_cache(3), tmp_path) == 3 * 5


def test_line_of_several_reads_costs_all_of_them(tmp_path):
    flash = FlashTiming(read_bits=32, wait_states=1, prefetch=False, cache_line_bytes=16, cache_lines=64)
    assert stalls(NOP_8_BYTES, range(4), flash, tmp_path) == 4 * (1 + 1) - 1


def test_constants_without_a_cache_cost_the_wait_states_each(tmp_path):
    """One line of code, and 10 loads of a byte or a word."""
    for text, size_bytes in (("ldrb r0, [r1]", 1), ("ldr r0, [r1]", 4)):
        path = [0]
        assert stalls(text, path, without_cache(2), tmp_path, {0: 10 * size_bytes}) == 2 + 10 * 2


def test_constants_with_a_cache_cost_a_line_at_a_time(tmp_path):
    assert stalls("ldrb r0, [r1]", [0], with_cache(64), tmp_path, {0: 160}) == 5 + 10 * 5
