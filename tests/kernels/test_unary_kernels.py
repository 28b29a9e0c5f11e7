"""Operators without weights on single elements, rows and windows: generated code against the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.test_kernels import SETTINGS, check
from tests.networks import Builder
from tinybayes.ir import AveragePoolSpans, Graph, MaxPoolSpans
from tinybayes.ir.nodes import INTEGER_OPERATORS
from tinybayes.plan import make_plan
from tinybayes.plan.candidates import candidates_of
from tinybayes.plan.coefficients_unary import UNARY_COEFFICIENTS
from tinybayes.plan.core_class import CORE_CLASSES
from tinybayes.plan.cost_unary import UNARY_TERMS
from tinybayes.plan.steps import lower

DTYPES = ("int8", "uint8")
FEWER = settings(SETTINGS, max_examples=8)


def chain(shape: tuple[int, ...], seed: int = 0, **options: object) -> Builder:
    return Builder(np.random.default_rng(seed), shape, **options)  # type: ignore[arg-type]


@st.composite
def element_networks(draw: st.DrawFn) -> Graph:
    made = chain(draw(st.sampled_from(((1,), (3,), (67,), (5, 3), (4, 5, 2)))), draw(st.integers(0, 2**32 - 1)))
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from((made.pointwise, made.requantize)))
        kind(draw(st.sampled_from(DTYPES)))
        if len(made.tensor.shape) > 1 and draw(st.booleans()):
            height = 1 if len(made.tensor.shape) == 2 else 2
            made.conv(3, (height, 2), padding=(height - 1, 0, 1, 0), dtype=draw(st.sampled_from(DTYPES)))
    return made.pointwise().graph()


@FEWER
@given(element_networks(), st.sampled_from(("flash", "latency")))
def test_tables_and_other_scales_agree_with_the_reference(graph: Graph, objective: str) -> None:
    check(graph, objective)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_code_is_looked_up(dtype: str) -> None:
    made = chain((256,)).requantize(dtype).pointwise("uint8").pointwise()
    assert check(made.graph(), "flash", samples=8) == ["requantize", "pointwise", "pointwise"]


def test_a_table_works_in_place_and_equal_tables_are_stored_once() -> None:
    made = chain((40,)).linear(64).pointwise().pointwise().linear(8)
    made.pointwise(table=made.nodes[1].table)
    plan = make_plan(made.graph())
    offsets = [plan.buffer(step.tensor).offset for step in plan.steps[:3]]
    assert offsets[0] == offsets[1] == offsets[2]
    assert plan.arena_bytes == 64 + 8
    assert [step.weights_bytes for step in plan.steps if step.op == "pointwise"] == [256, 256, 0]
    assert plan.steps[4].shares == plan.steps[1].name
    check(made.graph(), "flash")


@st.composite
def softmax_networks(draw: st.DrawFn) -> Graph:
    shape = draw(st.sampled_from(((1,), (10,), (300,), (4, 3), (3, 4, 7))))
    made = chain(shape, draw(st.integers(0, 2**32 - 1)))
    if draw(st.booleans()):
        made.pointwise("uint8")
    made.softmax(draw(st.sampled_from(DTYPES)), draw(st.sampled_from((1e-3, 0.05, 0.7, 40.0))))
    if len(shape) > 1:
        made.conv(4, (len(shape) - 1, 2), padding=(len(shape) - 2, 0, 1, 1))
        made.softmax("int8", 0.02)
    if draw(st.booleans()) and made.tensor.channels <= 128:
        return made.argmax().graph()
    return made.softmax().graph()


@FEWER
@given(softmax_networks(), st.sampled_from(("flash", "latency")))
def test_softmax_and_argmax_agree_with_the_reference(graph: Graph, objective: str) -> None:
    check(graph, objective)


def test_the_first_of_equals_is_chosen() -> None:
    made = chain((5,)).pointwise(table=np.zeros(256)).argmax()
    assert check(made.graph(), "flash") == ["pointwise", "argmax"]


@st.composite
def window_networks(draw: st.DrawFn) -> Graph:
    made = chain(
        draw(st.sampled_from(((9, 2), (1, 1), (7, 8, 3), (5, 1, 4)))),
        draw(st.integers(0, 2**32 - 1)),
        per_channel=draw(st.booleans()),
    )
    for _ in range(draw(st.integers(1, 3))):
        rows = 1 if len(made.tensor.shape) == 2 else draw(st.integers(1, 6))
        kind = draw(st.sampled_from((MaxPoolSpans, AveragePoolSpans)))
        made.spans(kind, rows, draw(st.integers(1, 7)))
        if draw(st.booleans()):
            height = len(made.tensor.shape) - 1
            made.conv(3, (height, 2), padding=(height - 1, 0, 1, 0), dtype=draw(st.sampled_from(DTYPES)))
    return made.flatten().linear(3).graph()


@FEWER
@given(window_networks(), st.sampled_from(("flash", "latency")))
def test_windows_that_differ_agree_with_the_reference(graph: Graph, objective: str) -> None:
    check(graph, objective)


def test_every_operator_without_weights_has_a_cost() -> None:
    assert set(UNARY_TERMS) >= set(INTEGER_OPERATORS) & {
        "pointwise",
        "requantize",
        "softmax",
        "argmax",
        "max_pool_spans",
    }
    assert set(UNARY_COEFFICIENTS) == set(CORE_CLASSES)
    assert all(set(coefficients) == set(UNARY_TERMS) for coefficients in UNARY_COEFFICIENTS.values())
    made = chain((6, 5, 4)).requantize().softmax().max_pool((2, 2)).spans(MaxPoolSpans, 2, 2).pointwise().argmax()
    for core in CORE_CLASSES:
        assert all(candidates_of((step,), core)[0].estimated_cycles > 0 for step in lower(made.graph()))
