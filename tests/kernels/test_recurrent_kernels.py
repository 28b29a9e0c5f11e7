"""Recurrent operators: generated code against the reference."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.test_kernels import SETTINGS, builder, check
from tests.networks import Builder, formats_preferring, random_inputs
from tinybayes.ir import Graph, Gru, Lstm, Recurrent
from tinybayes.plan import make_plan
from tinybayes.plan.formats import RECURRENT_FORMATS
from tinybayes.reference import execute

KINDS = (Gru, Lstm)
BITS = (8, 16)


@st.composite
def recurrent_networks(draw: st.DrawFn) -> Graph:
    chain = builder(draw, (draw(st.integers(1, 6)), draw(st.sampled_from((1, 3, 4, 8, 17, 257)))))
    if draw(st.booleans()):
        chain.pointwise("uint8")
    for _ in range(draw(st.integers(0, 1))):
        chain.recurrent(draw(st.sampled_from(KINDS)), draw(st.integers(1, 9)), bits=draw(st.sampled_from(BITS)))
    kind = draw(st.sampled_from(KINDS))
    places = {"gate_fraction_bits": draw(st.sampled_from((12, 11, 5))), "output_shift": draw(st.integers(5, 8))}
    if kind is Lstm:
        places["cell_fraction_bits"] = draw(st.sampled_from((12, 10, 3)))
    last_only = draw(st.booleans())
    places["backward"] = draw(st.booleans())
    chain.recurrent(kind, draw(st.integers(1, 20)), bits=draw(st.sampled_from(BITS)), last_only=last_only, **places)
    if not last_only and draw(st.booleans()):
        chain.conv(3, (1, 2), padding=(0, 0, 1, 0)).flatten()
    elif not last_only:
        chain.flatten()
    return chain.linear(draw(st.integers(1, 5))).graph()


@settings(SETTINGS, max_examples=8)
@given(recurrent_networks(), st.sampled_from(tuple(RECURRENT_FORMATS)), st.sampled_from(("cortex-m0", "cortex-m4")))
def test_recurrent_networks_agree_with_the_reference(graph: Graph, weight_format: str, core: str) -> None:
    check(graph, "flash", core, formats=formats_preferring(weight_format, graph, core))


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weight_format", tuple(RECURRENT_FORMATS))
def test_every_format_of_every_operator(kind: type[Recurrent], weight_format: str, bits: int) -> None:
    chain = Builder(np.random.default_rng(3), (5, 6), levels=6).recurrent(kind, 13, bits=bits)
    graph = chain.recurrent(kind, 6, bits=bits, last_only=True).graph()
    kernels = check(graph, "flash", sanitize=False, formats=formats_preferring(weight_format, graph, "cortex-m4"))
    assert kernels == [f"{kind.op}_{weight_format}"] * 2


@pytest.mark.parametrize("last_only", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_series_may_be_read_from_its_end(kind: type[Recurrent], last_only: bool) -> None:
    """Backward over a series is forward over the series turned around."""
    rng = np.random.default_rng(8)
    chain = Builder(rng, (6, 3)).recurrent(kind, 5, backward=True, last_only=last_only)
    graph = chain.graph()
    x = random_inputs(rng, graph, 7)
    forward = graph.with_nodes([replace(graph.nodes[0], backward=False)], graph.tensors)
    states, turned = execute(graph, x)[graph.output], execute(forward, x[:, ::-1])[graph.output]
    np.testing.assert_array_equal(states, turned if last_only else turned[:, ::-1])
    check(graph, "flash")


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_without_effect_and_gates_that_saturate(kind: type[Recurrent]) -> None:
    chain = Builder(np.random.default_rng(4), (7, 3), density=1.0, levels=200).recurrent(kind, 5, bits=16)
    node = chain.nodes[0]
    assert isinstance(node, Recurrent)
    object.__setattr__(node.from_state, "weight", np.zeros_like(node.from_state.weight))
    object.__setattr__(node.from_input.requant, "post_shift", 10)
    assert check(chain.graph(), "flash") == [f"{kind.op}_dense"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bits", BITS)
def test_states_and_gates_are_all_the_memory_there_is(kind: type[Recurrent], bits: int) -> None:
    units, channels = 8, 4
    graph = Builder(np.random.default_rng(4), (7, channels)).recurrent(kind, units, bits=bits, last_only=True).graph()
    gates, held = 2 * kind.gates * units, 2 * units if kind is Gru else 0
    kept = 0 if kind is Gru and bits == 16 else 2 * units
    assert make_plan(graph).arena_bytes == gates + held + kept + channels + (units if bits == 8 else 2 * units)
