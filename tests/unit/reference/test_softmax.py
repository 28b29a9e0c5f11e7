"""Integer softmax against the real one of the same codes; the reciprocal over its whole range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.networks import Builder
from tinybayes.passes.tables import exponentials
from tinybayes.reference import chosen_classes, execute
from tinybayes.reference.softmax import reciprocal


def test_the_reciprocal_over_its_whole_range():
    divisors = np.arange(2**15, 2**16)
    exact = 2.0**31 / divisors
    found = reciprocal(divisors)
    assert np.all(found <= exact)
    assert np.max(1 - found / exact) < 2.0**-13


@settings(max_examples=300, deadline=None)
@given(
    channels=st.integers(1, 128),
    scale=st.floats(1e-3, 5.0),
    spread=st.integers(0, 127),
    seed=st.integers(0, 10_000),
    dtype=st.sampled_from(("int8", "uint8")),
)
def test_every_code_is_within_one_of_the_real_softmax(channels, scale, spread, seed, dtype):
    graph = Builder(np.random.default_rng(0), (channels,)).softmax(dtype, scale)
    codes = np.random.default_rng(seed).integers(-spread - 1, spread + 1, (40, channels)).astype(np.int8)
    codes[0], codes[1] = -128, 127
    codes[2, 1:], codes[2, 0] = -128, 127
    tensors = {"x": graph.tensors["x"], "t0": graph.tensors["t0"]}
    node = graph.nodes[0]
    got = execute(_graph(tensors, node), codes)["t0"]
    real = np.exp((codes - codes.max(axis=1, keepdims=True).astype(float)) * scale)
    real *= node.high / real.sum(axis=1, keepdims=True)
    # Half a code of rounding, and of the exponentials' rounding: half of 2**-15 each, of a sum of at least 1.
    assert np.abs(got - real).max() <= 0.5 + node.high * channels * 2.0**-16 + 0.04
    assert np.abs(got - real).max() <= 1.05


def _graph(tensors, node):
    from tinybayes.ir import Graph

    return Graph(tensors, (node,), "x", "t0", tensors["x"].shape)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_certainty_is_the_largest_code(dtype):
    made = Builder(np.random.default_rng(0), (1,)).softmax(dtype, 0.1)
    got = execute(_graph(made.tensors, made.nodes[0]), np.array([[-128], [0], [127]], np.int8))["t0"]
    assert (got == made.nodes[0].high).all()


def test_the_table_ends_where_it_is_zero():
    assert exponentials(1.0).tolist()[:3] == [32768, 12055, 4435]
    assert exponentials(1.0)[-1] == 0
    assert exponentials(1.0)[-2] == 1
    assert exponentials(100.0).tolist() == [32768, 0]
    assert exponentials(1e-3).size == 256


def test_classes_are_the_first_of_the_largest_or_the_output_itself():
    assert chosen_classes(np.array([[1, 3, 3], [5, 2, 5]], np.int8)).tolist() == [1, 0]
    assert chosen_classes(np.array([[4], [0]], np.int8)).tolist() == [4, 0]
    assert chosen_classes(np.array([[1, 3, 9], [5, 2, 7]], np.int8), 2).tolist() == [1, 0]
