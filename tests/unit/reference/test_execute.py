import numpy as np
import pytest

from tests.networks import Builder, random_inputs
from tinybayes.ir import Graph, InputScaling, Tensor
from tinybayes.reference import dequantize_output, execute, quantize_input


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_a_convolution_is_what_its_loops_say(rng):
    graph = (
        Builder(rng, (5, 6, 2), per_channel=True)
        .conv(3, (3, 2), stride=(2, 1), padding=(1, 0, 0, 1), dtype="int8")
        .graph()
    )
    node = graph.nodes[0]
    x = random_inputs(rng, graph, 2)
    padded = np.pad(x.astype(int), ((0, 0), (1, 0), (0, 1), (0, 0)))
    got = execute(graph, x)[graph.output]
    for sample, row, column, channel in np.ndindex(got.shape):
        patch = padded[sample, row * 2 : row * 2 + 3, column : column + 2]
        accumulator = int((patch * node.weight[channel].astype(int)).sum()) + int(node.bias[channel])
        shifted = min(max(accumulator >> node.requant.pre_shift, -32768), 32767)
        product = shifted * int(node.requant.multiplier[channel]) + (1 << (node.requant.post_shift - 1))
        assert got[sample, row, column, channel] == min(max(product >> node.requant.post_shift, -128), 127)


def test_pools_select_and_flatten(rng):
    graph = Builder(rng, (6, 6, 2)).max_pool((2, 3)).flatten().select(np.array([0, 3, 11])).graph()
    x = random_inputs(rng, graph, 3)
    largest = x.reshape(3, 3, 2, 2, 3, 2).max(axis=(2, 4)).reshape(3, -1)
    np.testing.assert_array_equal(execute(graph, x)[graph.output], largest[:, [0, 3, 11]])


def test_an_average_is_the_requantized_sum(rng):
    graph = Builder(rng, (8, 3)).average_pool((1, 4)).graph()
    x = random_inputs(rng, graph, 3)
    total = x.astype(np.int64).reshape(3, 2, 4, 3).sum(axis=2)
    np.testing.assert_array_equal(execute(graph, x)[graph.output], graph.nodes[0].requant.apply(total))


def test_real_inputs_are_transposed_scaled_rounded_to_even_and_saturated():
    scaling = InputScaling(np.array([1.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32))
    graph = Graph({"x": Tensor("x", (3, 2), "int8", 0.5)}, (), "x", "x", (2, 3), scaling)
    x = np.array([[[1.0, 1.5, 3.5], [0.25, 0.75, -1000.0]]])
    assert quantize_input(graph, x).tolist() == [[[0, 0], [0, 2], [2, -128]]]


def test_outputs_are_scaled_back():
    graph = Graph({"x": Tensor("x", (2,), "int8", 0.5)}, (), "x", "x", (2,))
    assert dequantize_output(graph, np.array([[-3, 4]], np.int8)).tolist() == [[-1.5, 2.0]]
