"""Where buffers lie: never on top of each other while both live, and never farther out than needed."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybayes.errors import InternalError
from tinybayes.plan import arena
from tinybayes.plan.arena import ALIGNMENT_BYTES, Buffer, arena_bytes, most_bytes_alive, place
from tinybayes.plan.proof import prove

STEPS = 6


@st.composite
def buffer_lists(draw: st.DrawFn, most: int = 12, largest: int = 4000) -> list[Buffer]:
    count = draw(st.integers(1, most))
    lives = [sorted((draw(st.integers(0, STEPS - 1)), draw(st.integers(0, STEPS - 1)))) for _ in range(count)]
    return [Buffer(f"b{k}", draw(st.integers(1, largest)), *life) for k, life in enumerate(lives)]


def bytes_alive(buffers: list[Buffer]) -> int:
    """No arena can be smaller than what lives in one step."""
    return max(sum(b.size_bytes for b in buffers if b.first_step <= k <= b.last_step) for k in range(STEPS))


@settings(deadline=None, max_examples=30)
@given(buffer_lists())
def test_placements_pass_the_proof_and_respect_the_lower_bound(buffers: list[Buffer]) -> None:
    placed = place(buffers)
    prove(placed, arena_bytes(placed), STEPS)
    assert [replace(b, offset=0) for b in placed] == buffers
    assert arena_bytes(placed) >= bytes_alive(buffers) == most_bytes_alive(buffers)


@settings(deadline=None, max_examples=15)
@given(buffer_lists(most=3, largest=12))
def test_few_buffers_are_placed_as_well_as_can_be(buffers: list[Buffer]) -> None:
    limit = sum(-(-b.size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES for b in buffers)
    offsets = range(0, limit, ALIGNMENT_BYTES)

    def overlaps(a: Buffer, b: Buffer) -> bool:
        return a.meets(b) and a.offset < b.end and b.offset < a.end

    best = limit
    for choice in product(offsets, repeat=len(buffers)):
        tried = [replace(b, offset=o) for b, o in zip(buffers, choice, strict=True)]
        if arena_bytes(tried) < best and not any(overlaps(a, b) for k, a in enumerate(tried) for b in tried[:k]):
            best = arena_bytes(tried)
    assert arena_bytes(place(buffers)) == best


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 500).map(lambda n: 4 * n), min_size=1, max_size=7))
def test_a_chain_needs_no_more_than_its_two_largest_neighbours(sizes: list[int]) -> None:
    chain = [Buffer(f"t{k}", size, k, k + 1) for k, size in enumerate(sizes)]
    widest = max(sum(sizes[k : k + 2]) for k in range(len(sizes)))
    assert arena_bytes(place(chain)) == widest


@settings(deadline=None, max_examples=10)
@given(buffer_lists(most=8, largest=60))
def test_no_order_of_placing_beats_what_the_solver_proves(buffers: list[Buffer]) -> None:
    placed = place(buffers)
    rng = np.random.default_rng(len(buffers))
    for _ in range(200):
        assert arena_bytes(arena._first_fit([buffers[k] for k in rng.permutation(len(buffers))])) >= arena_bytes(placed)


def test_twenty_tensors_are_placed_better_than_the_largest_first() -> None:
    rng = np.random.default_rng(1)
    buffers = []
    for k in range(arena.OPTIMAL_BUFFERS):
        first = int(rng.integers(0, 9))
        buffers.append(Buffer(f"b{k}", 4 * int(rng.integers(1, 900)), first, first + int(rng.integers(0, 4))))
    largest_first = arena._first_fit(sorted(buffers, key=lambda b: -b.size_bytes))
    placed = place(buffers)
    prove(placed, arena_bytes(placed), 13)
    assert most_bytes_alive(buffers) <= arena_bytes(placed) < arena_bytes(largest_first)


def test_the_solver_does_not_stop_a_byte_before_the_smallest_and_proves_it() -> None:
    rng = np.random.default_rng(16)
    span = int(rng.integers(3, 14))
    buffers = []
    for k in range(arena.OPTIMAL_BUFFERS):
        first, size = int(rng.integers(0, span)), int(rng.integers(1, 4000))
        buffers.append(Buffer(f"b{k}", size, first, first + int(rng.integers(0, span // 2))))
    placed = arena.placement(buffers)
    prove(placed.buffers, arena_bytes(placed.buffers), 2 * span)
    assert placed.smallest
    assert arena_bytes(placed.buffers) == arena.least_bytes(buffers)


@settings(deadline=None, max_examples=25)
@given(buffer_lists(most=7, largest=60), st.data())
def test_no_order_of_placing_buffers_over_each_other_beats_what_is_proved(
    buffers: list[Buffer], data: st.DataObject
) -> None:
    over: list[Buffer] = []
    for buffer in sorted(buffers, key=lambda one: one.first_step):
        dying = [b.name for b in over if b.last_step == buffer.first_step]
        name = data.draw(st.sampled_from(["", *dying]))
        over.append(replace(buffer, over=name, lead_bytes=data.draw(st.integers(0, 40)) if name else 0))
    placed = arena.placement(over)
    assert placed.smallest
    rng = np.random.default_rng(len(over))
    for _ in range(100):
        tried = arena._first_fit([over[k] for k in rng.permutation(len(over))])
        assert arena_bytes(tried) >= arena_bytes(placed.buffers)


def test_beyond_twenty_buffers_it_is_told_that_nothing_was_proved() -> None:
    rng = np.random.default_rng(2)
    buffers = []
    for k in range(arena.OPTIMAL_BUFFERS + 1):
        first = int(rng.integers(0, 9))
        buffers.append(Buffer(f"b{k}", int(rng.integers(1, 4000)), first, first + int(rng.integers(0, 4))))
    placed = arena.placement(buffers)
    assert not placed.smallest
    assert arena_bytes(placed.buffers) > arena.least_bytes(buffers)
    chain = [Buffer(f"t{k}", 8, k, k + 1) for k in range(40)]
    assert arena.placement(chain).smallest  # no more than is alive at once, so that there is nothing to prove


def test_a_buffer_goes_over_what_dies_as_it_is_written() -> None:
    buffers = [Buffer("a", 40, 0, 2), Buffer("b", 40, 1, 2), Buffer("c", 40, 2, 3, over="a", lead_bytes=8)]
    assert arena_bytes(place(buffers)) == 88  # 8 bytes of c, then a with the rest of c over it, then b


def test_the_same_buffers_always_land_in_the_same_places() -> None:
    buffers = [Buffer("a", 10, 0, 1), Buffer("b", 10, 1, 2), Buffer("c", 10, 1, 1)]
    assert place(buffers) == place(buffers)
    assert arena_bytes(()) == 0


@pytest.mark.parametrize(
    ("buffers", "size", "message"),
    [
        ([Buffer("a", 8, 0, 1, 0), Buffer("b", 8, 1, 2, 4)], 16, "b and a overlap in step 1"),
        ([Buffer("a", 8, 0, 1, 12)], 16, "a at 12..20 of 16 bytes"),
        ([Buffer("a", 8, 0, 1, 2)], 16, "a at 2..10 of 16 bytes"),
        ([Buffer("a", 8, 0, 1, -4)], 16, "a at -4..4 of 16 bytes"),
    ],
)
def test_the_proof_refuses_wrong_placements(buffers: list[Buffer], size: int, message: str) -> None:
    with pytest.raises(InternalError, match=message):
        prove(buffers, size, 3)
