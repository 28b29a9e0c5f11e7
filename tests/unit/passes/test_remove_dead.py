from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.networks import Builder, random_inputs
from tinybayes.errors import UserError
from tinybayes.ir import AveragePoolSpans, MaxPoolSpans, verify
from tinybayes.passes import remove_dead
from tinybayes.reference import execute


def with_weight(graph, index, change):
    """The graph after ``change(weight)`` edited a copy of the index-th layer's weight."""
    node = graph.mac_nodes[index]
    weight = node.weight.copy()
    change(weight)
    nodes = [replace(node, weight=weight) if other is node else other for other in graph.nodes]
    return graph.with_nodes(nodes, graph.tensors)


def outputs(graph, inputs):
    return execute(graph, inputs)[graph.output]


def assert_same(graph, smaller, seed=1):
    inputs = random_inputs(np.random.default_rng(seed), graph, 24)
    np.testing.assert_array_equal(outputs(verify(smaller), inputs), outputs(graph, inputs))


SHAPES = {
    "mlp": lambda b: b.linear(9, "uint8").linear(7, "uint8").linear(6, "int8").linear(3),
    "series": lambda b: b.conv(6, (1, 3), padding=(0, 0, 1, 1)).max_pool((1, 2)).conv(5, (1, 3), padding=(0, 0, 2, 0))
    .average_pool((1, 2)).conv(4, (1, 2)).average_pool((1, 3)).flatten().linear(3),
    "image": lambda b: b.conv(5, (3, 3), dtype="int8").max_pool((2, 2))
    .conv(4, (2, 2), padding=(1, 1, 1, 1), dtype="int8")
    .flatten().linear(6, "uint8").linear(2),
    "curves": lambda b: b.conv(6, (1, 3)).pointwise("uint8").max_pool((1, 2)).requantize().flatten().linear(7)
    .pointwise().linear(5).requantize("uint8").linear(3),
    "windows": lambda b: b.conv(6, (2, 3), dtype="int8").spans(AveragePoolSpans, 4, 5).spans(MaxPoolSpans, 3, 4)
    .conv(4, (2, 2), padding=(0, 1, 1, 0)).spans(AveragePoolSpans, 2, 3).flatten().linear(3),
    "flattened image": lambda b: b.flatten().linear(6, "uint8").linear(3),
}  # fmt: skip
INPUTS = {
    "mlp": (14,),
    "series": (16, 3),
    "image": (8, 8, 2),
    "curves": (12, 3),
    "windows": (7, 8, 2),
    "flattened image": (4, 4, 2),
}


@settings(max_examples=120, deadline=None)
@given(
    kind=st.sampled_from(sorted(SHAPES)),
    seed=st.integers(0, 10_000),
    density=st.sampled_from([0.02, 0.05, 0.1, 0.3, 0.9]),
    per_channel=st.booleans(),
)
def test_outputs_stay_the_same_to_the_bit(kind, seed, density, per_channel):
    builder = Builder(np.random.default_rng(seed), INPUTS[kind], density=density, per_channel=per_channel)
    graph = SHAPES[kind](builder).graph()
    try:
        smaller = remove_dead(graph)
    except UserError as error:
        inputs = random_inputs(np.random.default_rng(seed), graph, 24)
        found = outputs(graph, inputs)
        assert "no weight that matters survived" in str(error)
        assert (found == found[:1]).all()
        return
    assert_same(graph, smaller, seed)
    assert [node.dense_shape for node in smaller.mac_nodes] == [node.dense_shape for node in graph.mac_nodes]
    assert sum(node.weight.size for node in smaller.mac_nodes) <= sum(node.weight.size for node in graph.mac_nodes)
    again = remove_dead(smaller)
    assert [node.weight.shape for node in again.mac_nodes] == [node.weight.shape for node in smaller.mac_nodes]


@pytest.fixture
def dense():
    return Builder(np.random.default_rng(1), (6,), density=1.0).linear(5, "uint8").linear(4, "uint8").linear(3).graph()


def test_an_unread_neuron_goes_and_takes_its_inputs_with_it(dense):
    def unread(weight):
        weight[:, 0, 0, 2] = 0

    def only_neuron_two_reads_input_four(weight):
        weight[[0, 1, 3, 4], 0, 0, 4] = 0

    graph = with_weight(with_weight(dense, 1, unread), 0, only_neuron_two_reads_input_four)
    smaller = remove_dead(graph)
    assert smaller.mac_nodes[0].weight.shape == (4, 1, 1, 5)
    assert smaller.mac_nodes[1].weight.shape == (4, 1, 1, 4)
    assert smaller.nodes[0].op == "select"
    assert smaller.nodes[0].indices.tolist() == [0, 1, 2, 3, 5]
    assert_same(graph, smaller)


def test_a_constant_neuron_goes_into_the_next_bias(dense):
    def silent(weight):
        weight[1] = 0

    graph = with_weight(dense, 0, silent)
    node = graph.mac_nodes[0]
    code = int(node.requant.take(np.array([1])).apply(node.bias[1:2].astype(np.int64))[0])
    smaller = remove_dead(graph)
    expected = graph.mac_nodes[1].bias + graph.mac_nodes[1].matrix[:, 1].astype(int) * code
    np.testing.assert_array_equal(smaller.mac_nodes[1].bias, expected)
    assert_same(graph, smaller)


def test_a_neuron_that_always_ends_in_its_clamp_is_constant(dense):
    node = dense.mac_nodes[0]
    bias = node.bias.copy()
    bias[3] = -(2**20)
    nodes = [replace(node, bias=bias), *dense.nodes[1:]]
    graph = verify(dense.with_nodes(nodes, dense.tensors))
    smaller = remove_dead(graph)
    assert smaller.mac_nodes[0].outputs == 4
    np.testing.assert_array_equal(smaller.mac_nodes[1].bias, graph.mac_nodes[1].bias)
    assert_same(graph, smaller)


@pytest.mark.parametrize(("padding", "channels"), [((0, 0, 0, 0), 3), ((0, 0, 1, 1), 4)])
def test_a_constant_before_a_padded_convolution_is_kept(padding, channels):
    builder = Builder(np.random.default_rng(4), (10, 2), density=1.0).conv(4, (1, 3), dtype="int8")
    graph = builder.conv(3, (1, 3), padding=padding, dtype="int8").graph()

    def silent(weight):
        weight[2] = 0

    graph = with_weight(graph, 0, silent)
    node = graph.mac_nodes[0]
    bias = node.bias.copy()
    bias[2] = 2**14
    graph = graph.with_nodes([replace(node, bias=bias), *graph.nodes[1:]], graph.tensors)
    assert int(node.requant.apply(bias.astype(np.int64)[None])[0, 2]) != 0
    smaller = remove_dead(graph)
    assert smaller.mac_nodes[0].outputs == channels
    assert_same(graph, smaller)


def test_a_network_without_dead_parts_is_left_alone(dense):
    assert remove_dead(dense).nodes == dense.nodes


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_layer_pruned_to_nothing_is_named(dense, index):
    name = dense.mac_nodes[index].name
    with pytest.raises(UserError, match=f"layer '{name}': no weight that matters survived pruning.*keep more weights"):
        remove_dead(with_weight(dense, index, lambda weight: weight.fill(0)))


def test_layers_that_miss_each_other_are_found(dense):
    def reads_only_the_first(weight):
        weight[:, :, :, 1:] = 0

    def first_is_silent(weight):
        weight[0] = 0

    graph = with_weight(with_weight(dense, 0, first_is_silent), 1, reads_only_the_first)
    with pytest.raises(UserError, match="no weight that matters survived"):
        remove_dead(graph)


def test_a_select_in_front_is_narrowed_further():
    rng = np.random.default_rng(2)
    builder = Builder(rng, (9,), density=1.0).select(np.array([0, 2, 3, 5, 8])).linear(4, "uint8").linear(2)

    def drop(weight):
        weight[:, 0, 0, 1] = 0

    graph = with_weight(builder.graph(), 0, drop)
    smaller = remove_dead(graph)
    assert [node.op for node in smaller.nodes] == ["select", "linear", "linear"]
    assert smaller.nodes[0].indices.tolist() == [0, 3, 5, 8]
    assert_same(graph, smaller)


@pytest.mark.parametrize("join", ["add", "multiply", "concat"])
@pytest.mark.parametrize("dead", [0, 1, 2, 3])
def test_channels_that_a_branch_reads_stay_and_the_others_go(join, dead):
    made = Builder(np.random.default_rng(dead), (6, 5, 3), density=0.9)
    made.conv(4, (3, 3), padding=(1, 1, 1, 1)).conv(5, (1, 1)).conv(4, (1, 1), dtype="int8")
    {"add": made.add, "multiply": made.multiply, "concat": lambda name: made.concat((name,))}[join]("t0")
    graph = made.conv(3, (3, 3)).flatten().linear(2).graph()

    def row_is_empty(weight):
        weight[1] = 0

    graph = with_weight(graph, dead, row_is_empty)
    smaller = remove_dead(graph)
    assert_same(graph, smaller)
    # What is joined keeps its channels; the layer between is free to lose one, and so is the last convolution.
    wanted = {0: [4, 5, 4, 3, 2], 1: [4, 4, 4, 3, 2], 2: [4, 5, 4, 3, 2], 3: [4, 5, 4, 2, 2]}[dead]
    assert [node.outputs for node in smaller.mac_nodes] == wanted


def test_a_layer_that_two_others_read_keeps_what_only_one_of_them_reads():
    made = Builder(np.random.default_rng(0), (8,), density=0.9).linear(4, "uint8").linear(3, "int8").back_to("t0")
    graph = made.linear(3, "int8").add("t1").linear(2).graph()

    def does_not_read_the_first(weight):
        weight[..., 0] = 0

    graph = with_weight(graph, 1, does_not_read_the_first)
    smaller = remove_dead(graph)
    assert_same(graph, smaller)
    assert [node.outputs for node in smaller.mac_nodes] == [4, 3, 3, 2]


def test_a_dead_channel_behind_windows_that_differ_is_the_lower_clamp():
    builder = Builder(np.random.default_rng(3), (7, 8, 2)).conv(6, (2, 3), dtype="int8")
    graph = builder.spans(AveragePoolSpans, 4, 5).flatten().linear(3).graph()
    conv, pool, *rest = graph.nodes
    weight, bias = conv.weight.copy(), conv.bias.copy()
    weight[2], bias[2] = 0, 0
    pool = replace(pool, requant=replace(pool.requant, low=9))
    graph = verify(graph.with_nodes([replace(conv, weight=weight, bias=bias), pool, *rest], graph.tensors))
    smaller = remove_dead(graph)
    assert smaller.mac_nodes[0].outputs == 5
    assert_same(graph, smaller)
