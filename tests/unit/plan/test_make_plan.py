"""What a plan decides: which operators share a kernel, how tensors are stored, which formats are picked, what fits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden.networks import averaged_map, padded_series, three_formats
from tests.networks import Builder
from tinybayes.errors import InternalError, LimitError, UnsupportedError, UserError
from tinybayes.ir import Select, Tensor
from tinybayes.plan import OBJECTIVES, Storage, check_fits, make_plan
from tinybayes.plan.candidates import candidates_of, encoded_steps, parts
from tinybayes.plan.steps import _select_runs, lower


def builder(*shape: int, seed: int = 0, density: float = 0.3) -> Builder:
    return Builder(np.random.default_rng(seed), shape, density)


def test_convolution_and_pooling_share_a_step_and_the_unpooled_map_has_no_memory() -> None:
    plan = make_plan(padded_series())
    assert [(step.name, step.pool and step.pool.name) for step in plan.steps] == [
        ("pad", None),
        ("conv", "pool"),
        ("classes", None),
    ]
    assert {"a", "c", "y"}.isdisjoint(buffer.name for buffer in plan.buffers)
    assert plan.buffer("b").size_bytes == 16
    assert plan.steps[1].positions == 8


def test_overlapping_windows_are_not_fused() -> None:
    graph = builder(1, 12, 2).conv(3, (1, 3), dtype="int8").max_pool((1, 2), (1, 1)).graph()
    assert [step.op for step in make_plan(graph).steps] == ["conv", "max_pool"]


def test_the_input_is_copied_between_margins_where_a_padded_convolution_reads_it() -> None:
    plan = make_plan(padded_series())
    pad, conv = plan.steps[:2]
    assert (pad.op, pad.node, pad.tensor) == ("pad", None, "x.padded")
    assert conv.source.margins == (0, 0, 1, 1)
    assert plan.buffer("x.padded").size_bytes == (1 + 8 + 1) * 2
    assert pad.weights_bytes == 0


def test_a_tensor_inside_is_stored_with_the_margins_of_its_reader() -> None:
    graph = builder(6, 6, 1).conv(2, (3, 3)).conv(2, (3, 3), padding=(1, 1, 1, 1), dtype="int8").graph()
    plan = make_plan(graph)
    assert [step.op for step in plan.steps] == ["conv", "conv"]
    assert plan.steps[0].target.margins == (1, 1, 1, 1)
    assert plan.buffer("t0").size_bytes == 6 * 6 * 2


def test_margins_lie_around_the_rows() -> None:
    storage = Storage(Tensor("t", (2, 2, 1), "int8"), (1, 0, 1, 2))
    assert storage.total_bytes == 3 * 5
    assert storage.origin_bytes == 6
    laid = storage.lay_out(np.array([[1, -2, 3, 4]], np.int8))
    assert laid.tolist() == [[0, 0, 0, 0, 0, 0, 1, 254, 0, 0, 0, 3, 4, 0, 0]]


def test_the_last_step_writes_the_callers_output() -> None:
    plan = make_plan(three_formats())
    assert plan.steps[-1].tensor == "y"
    assert [buffer.name for buffer in plan.buffers] == ["a", "b"]
    assert plan.arena_bytes == 10  # the 4 bytes first, so that the 6 need no padding behind them
    alone = make_plan(builder(8).linear(2).graph())
    assert alone.buffers == ()
    assert alone.arena_bytes == 1


def test_a_sparse_convolution_has_scratch_for_its_fullest_row() -> None:
    plan = make_plan(averaged_map(), "flash")
    conv = plan.steps[1]
    assert conv.format != "dense"
    scratch = plan.scratch(conv)
    assert scratch is not None
    assert (scratch.first_step, scratch.last_step) == (1, 1)
    assert scratch.size_bytes == 4 * int(np.count_nonzero(conv.node.matrix, axis=1).max())
    assert plan.scratch(plan.steps[-1]) is None


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from((0.02, 0.2, 0.9)), st.integers(1, 700), st.integers(1, 30))
def test_each_objective_picks_what_it_says(seed: int, density: float, inputs: int, outputs: int) -> None:
    (part,) = parts(lower(builder(inputs, seed=seed, density=density).linear(outputs).graph()))
    candidates = candidates_of(part, "dsp")
    bytes_of = [c.size_bytes for c in candidates]
    costs = [c.estimated_cycles for c in candidates]
    assert OBJECTIVES["flash"](candidates).size_bytes == min(bytes_of)
    assert OBJECTIVES["latency"](candidates).estimated_cycles == min(costs)
    chosen = OBJECTIVES["balanced"](candidates)
    products = [b * c for b, c in zip(bytes_of, costs, strict=True)]
    assert chosen.size_bytes * chosen.estimated_cycles == min(products)


def test_objectives_rank_whole_networks() -> None:
    chain = builder(9, 11, 3, seed=5).conv(16, (3, 3), padding=(1, 1, 1, 1))
    graph = chain.flatten().linear(30, "uint8").linear(6).graph()
    plans = {objective: make_plan(graph, objective) for objective in OBJECTIVES}
    cost = {name: sum(step.estimated_cycles for step in plan.steps) for name, plan in plans.items()}
    assert plans["flash"].weights_bytes <= plans["balanced"].weights_bytes <= plans["latency"].weights_bytes
    assert cost["latency"] <= cost["balanced"] <= cost["flash"]


def test_maps_too_large_for_16_bit_offsets_take_dense_weights() -> None:
    graph = builder(2, 2**16, 1, density=0.1).conv(1, (2, 1), dtype="int8").graph()
    wide = builder(2, 2**16 - 1, 1, density=0.1).conv(1, (2, 1), dtype="int8").graph()
    assert {step.format for step in encoded_steps(lower(wide)[0], "dsp", "x")} > {"dense"}
    assert {step.format for step in encoded_steps(lower(graph)[0], "dsp", "x")} == {"dense"}


def test_an_unknown_objective_names_those_there_are() -> None:
    told = r"'flsh' is unknown; choose one of flash, latency, balanced\. Did you mean 'flash'"
    with pytest.raises(UserError, match=told):
        make_plan(three_formats(), "flsh")


def test_weights_that_do_not_fit_name_the_largest_layer_and_the_bytes() -> None:
    plan = make_plan(three_formats(), "flash")
    worst = max(plan.steps, key=lambda step: step.weights_bytes)
    with pytest.raises(LimitError) as caught:
        check_fits(plan, plan.weights_bytes - 7, 1000, "on tiny")
    assert caught.value.exit_status == 1
    assert str(caught.value) == (
        f"the network does not fit on tiny: its weights take {plan.weights_bytes} bytes of flash, 7 more than the "
        f"{plan.weights_bytes - 7} there are. Layer {worst.name!r} takes most, {worst.weights_bytes} bytes; make it "
        "sparser, or choose --objective flash."
    )
    check_fits(plan, plan.weights_bytes, plan.arena_bytes, "on tiny")


def test_tensors_that_do_not_fit_name_the_step_that_needs_most_and_the_bytes() -> None:
    plan = make_plan(three_formats(), "flash")
    with pytest.raises(LimitError) as caught:
        check_fits(plan, 1000, 8, "on tiny")
    assert str(caught.value) == (
        "the network does not fit on tiny: its tensors take 10 bytes of RAM, 2 more than the 8 there are. Layer "
        "'hidden.1' holds 10 bytes at once; pool or stride earlier, or give it fewer channels."
    )


def test_what_a_later_step_reads_is_neither_written_over_nor_forgotten() -> None:
    network = builder(8).linear(16, "uint8").linear(16).add("t0", "uint8").multiply("t0").linear(3)
    plan = make_plan(network.graph())
    lives = {buffer.name: (buffer.first_step, buffer.last_step, buffer.over) for buffer in plan.buffers}
    assert lives == {"t0": (0, 3, ""), "t1": (1, 2, ""), "t2": (2, 3, "t1"), "t3": (3, 4, "t2")}
    assert plan.arena_bytes == 32


def test_a_tensor_that_others_read_too_is_copied_between_margins() -> None:
    network = builder(6, 6, 1).conv(2, (3, 3)).conv(2, (3, 3), padding=(1, 1, 1, 1)).add("t0").flatten().linear(2)
    graph = network.graph()
    plan = make_plan(graph, formats={"layer.0": "index", "layer.1": "index", "add.2": None, "layer.4": "index"})
    assert [step.name for step in plan.steps] == ["layer.0", "layer.1.pad", "layer.1", "add.2", "layer.4"]
    assert plan.steps[0].target.margins == (0, 0, 0, 0)
    assert plan.steps[2].source.tensor.name == "layer.1.padded"


def test_the_output_must_come_from_the_last_layer() -> None:
    network = builder(4).linear(3).linear(2).back_to("t0")
    with pytest.raises(InternalError, match="the output is 't0', but the last node writes 't1'"):
        make_plan(network.graph())
    with pytest.raises(UnsupportedError, match=r"'layer\.1', does not write the network's output"):
        make_plan(network.flatten().graph())


def test_a_network_without_layers_is_refused() -> None:
    graph = builder(2, 3, 1).flatten().graph()
    with pytest.raises(UnsupportedError, match="computes nothing"):
        make_plan(graph)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 2000), st.sampled_from((0.01, 0.5, 0.999)))
def test_select_runs_walk_over_exactly_the_kept_elements(seed: int, size: int, share: float) -> None:
    keep = np.flatnonzero(np.random.default_rng(seed).random(size) < share)
    keep = keep if keep.size else np.array([size - 1])
    runs = _select_runs(Select(name="s", inputs=("x",), output="y", indices=keep)).arrays[0].values.reshape(-1, 2)
    position, walked = 0, []
    for skip, take in runs.tolist():
        position += skip
        walked += range(position, position + take)
        position += take
    assert walked == keep.tolist()
