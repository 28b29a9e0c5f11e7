"""Hidden channels in another order: the same bits come out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.networks import Builder, random_inputs
from tinybayes.ir import AveragePoolSpans, Graph, MaxPoolSpans, verify
from tinybayes.passes.order_channels import links, order_channels
from tinybayes.reference import execute


def convolutional(rng: np.random.Generator) -> Graph:
    """Maps with pools and a table between the layers, flattened, then vectors."""
    chain = Builder(rng, (9, 10, 3), levels=9, per_channel=True).conv(5, (3, 3), padding=(1, 1, 1, 1))
    chain = chain.max_pool((2, 2)).pointwise().conv(6, (2, 2)).average_pool((1, 2)).requantize("uint8")
    return chain.flatten().linear(7, "uint8").linear(4).graph()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_outputs_stay_the_same_to_the_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = convolutional(rng)
    inputs = random_inputs(rng, graph, 5)
    before = execute(graph, inputs)[graph.output]
    places = len(list(links(graph)))
    assert places == 3
    for place in range(places):
        link = list(links(graph))[place]
        order = rng.permutation(link.channels)
        moved = verify(order_channels(graph, link, order))
        np.testing.assert_array_equal(execute(moved, inputs)[graph.output], before)
        graph = moved


def test_windows_that_differ_keep_channels_apart() -> None:
    rng = np.random.default_rng(3)
    chain = Builder(rng, (9, 10, 3), levels=9, per_channel=True).conv(5, (3, 3)).spans(MaxPoolSpans, 4, 6)
    graph = chain.spans(AveragePoolSpans, 3, 3).flatten().linear(4).graph()
    inputs = random_inputs(rng, graph, 5)
    (link,) = links(graph)
    moved = verify(order_channels(graph, link, rng.permutation(5)))
    np.testing.assert_array_equal(execute(moved, inputs)[graph.output], execute(graph, inputs)[graph.output])


def test_channels_lie_as_the_order_says() -> None:
    graph = Builder(np.random.default_rng(0), (6,), density=1.0, levels=50).linear(3, "uint8").linear(2).graph()
    link = next(links(graph))
    moved = order_channels(graph, link, np.array([2, 0, 1]))
    first, second = moved.mac_nodes
    np.testing.assert_array_equal(first.matrix, link.layer.matrix[[2, 0, 1]])
    np.testing.assert_array_equal(first.bias, link.layer.bias[[2, 0, 1]])
    np.testing.assert_array_equal(second.matrix, link.reader.matrix[:, [2, 0, 1]])


def test_the_outputs_of_the_network_and_of_a_softmax_stay_where_they_are() -> None:
    graph = Builder(np.random.default_rng(0), (6,), density=1.0, levels=50).linear(3).softmax().linear(2).graph()
    assert list(links(graph)) == []


def test_what_is_no_order_is_refused() -> None:
    graph = Builder(np.random.default_rng(0), (6,)).linear(3, "uint8").linear(2).graph()
    with pytest.raises(ValueError, match="not an order of its 3 channels"):
        order_channels(graph, next(links(graph)), np.array([0, 0, 1]))
