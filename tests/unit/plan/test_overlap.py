"""Outputs over inputs that have been read: how far, and that the proof finds out where it is too far."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.networks import Builder
from tinybayes.errors import InternalError
from tinybayes.ir import Graph
from tinybayes.plan import Plan, make_plan
from tinybayes.plan.arena import ALIGNMENT_BYTES
from tinybayes.plan.overlap import lead_bytes
from tinybayes.plan.proof import prove, prove_overlaps


def three_convolutions(width: int, padding: int, pool: int, density: float, seed: int = 0) -> Graph:
    chain = Builder(np.random.default_rng(seed), (width, 4), density=density, levels=9)
    chain.conv(8, (1, 3), padding=(0, 0, padding, padding)).max_pool((1, pool))
    chain.conv(8, (1, 3), padding=(0, 0, padding, padding)).max_pool((1, pool)).conv(4, (1, 1))
    return chain.flatten().linear(3).graph()


def over(plan: Plan) -> list[str]:
    return [buffer.name for buffer in plan.buffers if buffer.over]


def test_a_pooled_convolution_goes_over_its_input() -> None:
    graph = three_convolutions(64, 1, 2, density=1.0)
    formats = {step.name: step.format for step in make_plan(graph, "latency").steps}
    first, second = list(formats)[:2]
    plan = make_plan(graph, "latency", formats=formats | {first: "dense", second: "dense"})
    # 32 columns of 8 channels in, 16 out; four fields of 24 bytes. The output of four columns, two pooled ones, lies
    # over columns that the next four no longer read, but for the one to the left of them.
    assert lead_bytes(plan.steps[1]) == 0
    assert plan.arena_bytes == 32 * 8 + 4 * 24
    assert over(plan) == ["t3", "t4"]


def test_a_sparse_convolution_still_reads_what_its_first_rows_are_written_for() -> None:
    plan = make_plan(three_convolutions(64, 0, 1, density=0.1), "latency")
    step = plan.steps[1]
    assert step.format == "pairs"
    # Each channel of four columns is written while others of them are still to be computed from the same columns.
    assert lead_bytes(step) == 4 * 8


def test_layers_that_read_everything_for_each_output_never_overlap() -> None:
    plan = make_plan(three_convolutions(32, 1, 2, density=0.5), "flash")
    assert {step.format for step in plan.steps[1:4]} <= {"huffman", "index"}
    assert [lead_bytes(step) for step in plan.steps] == [None] * 5
    assert over(plan) == []


@settings(deadline=None, max_examples=40)
@given(st.integers(9, 40), st.integers(0, 1), st.integers(1, 4), st.sampled_from((0.1, 1.0)), st.integers(0, 99))
def test_plans_pass_the_proof_and_one_word_less_does_not(
    width: int, padding: int, pool: int, density: float, seed: int
) -> None:
    plan = make_plan(three_convolutions(max(width, 3 * pool * pool), padding, pool, density, seed), "latency")
    prove_overlaps(plan.steps, plan.buffers)
    for k, step in enumerate(plan.steps[1:-1], 1):
        lead = lead_bytes(step)
        if lead is None or lead % ALIGNMENT_BYTES:
            continue
        target, source = plan.buffer(step.tensor), plan.buffer(step.source.tensor.name)
        high = source.size_bytes + target.size_bytes
        apart = [replace(source, offset=high), replace(target, offset=high - lead)]
        prove_overlaps([step], apart)
        prove(apart, 3 * high, k + 1)
        nearer = [apart[0], replace(target, offset=high - lead + ALIGNMENT_BYTES)]
        if lead == 0:
            continue  # then it could begin even later
        with pytest.raises(InternalError, match=f"{step.name} overwrites what it still reads"):
            prove_overlaps([step], nearer)
