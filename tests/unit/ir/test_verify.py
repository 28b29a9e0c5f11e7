from dataclasses import replace

import numpy as np
import pytest

from tests.networks import Builder
from tinybayes.errors import InternalError
from tinybayes.ir import Graph, MaxPoolSpans, Tensor, verify


@pytest.fixture
def graph():
    return Builder(np.random.default_rng(0), (10, 3)).conv(4, (1, 3)).max_pool((1, 2)).flatten().linear(5).graph()


def broken(graph, index, **fields):
    nodes = list(graph.nodes)
    nodes[index] = replace(nodes[index], **fields)
    return replace(graph, nodes=tuple(nodes))


def with_tensor(graph, name, **fields):
    return replace(graph, tensors={**graph.tensors, name: replace(graph.tensors[name], **fields)})


def test_a_sound_network_is_returned_unchanged(graph):
    assert verify(graph) is graph


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: broken(g, 1, name="layer.0"), "layer.0: name is used twice"),
        (lambda g: broken(g, 1, inputs=("nobody",)), "pool.1: tensor 'nobody' is unknown"),
        (lambda g: broken(g, 0, inputs=("t3",)), "layer.0: tensor 't3' is read before it is written"),
        (lambda g: broken(g, 0, requant=None), "layer.0: an integer node has no requantization"),
        (lambda g: broken(g, 0, stride=(1, 2)), "layer.0: output .* where the kernel gives"),
        (lambda g: broken(g, 1, window=(1, 4)), "pool.1: output"),
        (lambda g: broken(g, 3, weight=np.zeros((5, 1, 1, 9), np.int8)), "layer.3: 9 columns for 16"),
        (lambda g: broken(g, 3, weight=np.zeros((5, 1, 1, 16), np.int16)), "weights are int8 and biases int32"),
        (lambda g: broken(g, 3, bias=np.full(5, 2**30, np.int32)), "the accumulator can exceed 30 bits"),
        (lambda g: broken(g, 3, weight_scale=None), "layer.3: weight scale"),
        (lambda g: replace(g, output="t2"), "graph: the output is 't2', but the last node writes 't3'"),
        (lambda g: with_tensor(g, "t3", scale=1e39), "t3: scale 1e.39 is not positive within float32"),
        (lambda g: replace(g, output="nobody"), "output 'nobody' is not a tensor"),
        (lambda g: with_tensor(g, "x", dtype="uint8"), "x: the input and the output of a network are int8"),
        (lambda g: with_tensor(g, "t0", zero_point=3), "t0: zero points other than 0"),
        (lambda g: with_tensor(g, "t3", scale=float("nan")), "t3: scale nan is not positive"),
        (lambda g: with_tensor(g, "t1", scale=0.5), "pool.1: a maximum keeps dtype and scale"),
        (lambda g: with_tensor(g, "t2", dtype="float32"), "flatten.2: mixes float and integer"),
    ],
)  # fmt: skip
def test_each_contradiction_names_its_node(graph, change, message):
    with pytest.raises(InternalError, match=message):
        verify(change(graph))


def test_a_convolution_reads_a_map() -> None:
    chain = Builder(np.random.default_rng(0), (4, 3)).flatten().conv(2, (1, 1), padding=(0, 0, 1, 1), dtype="int8")
    with pytest.raises(InternalError, match="a convolution maps a map to a map of the same rank"):
        chain.graph()


def test_a_class_belongs_to_a_position() -> None:
    graph = Builder(np.random.default_rng(0), (3, 4, 5)).argmax().graph()
    with pytest.raises(InternalError, match=r"t0: output \(12,\), wanted one code for each position"):
        verify(with_tensor(graph, "t0", shape=(12,)))


def test_windows_that_differ_begin_and_end_in_16_bits() -> None:
    chain = Builder(np.random.default_rng(0), (2**16 - 1, 1)).spans(MaxPoolSpans, 1, 2)
    verify(chain.graph())
    with pytest.raises(InternalError, match=r"windows that differ in 65536 positions, more than 65535"):
        Builder(np.random.default_rng(0), (2**16, 1)).spans(MaxPoolSpans, 1, 2).graph()


def test_an_average_has_one_multiplier() -> None:
    chain = Builder(np.random.default_rng(0), (8, 2)).average_pool((1, 2))
    requant = replace(chain.nodes[0].requant, multiplier=np.array([20000, 30000], np.int32))
    chain.nodes[0] = replace(chain.nodes[0], requant=requant)
    with pytest.raises(InternalError, match=r"pool\.0: one multiplier"):
        chain.graph()


def test_unused_tensors_are_dropped_with_their_nodes(graph):
    shorter = replace(graph, output="t2").with_nodes(graph.nodes[:3], graph.tensors)
    assert sorted(shorter.tensors) == ["t0", "t1", "t2", "x"]


def test_shapes_as_height_width_channels():
    assert Tensor("v", (7,)).hwc == (1, 1, 7)
    assert Tensor("s", (5, 7)).hwc == (1, 5, 7)
    assert Tensor("m", (4, 5, 7)).hwc == (4, 5, 7)
    assert Graph({"v": Tensor("v", (7,))}, (), "v", "v", (7,)).with_facts(seed=3).facts == {"seed": 3}
