import numpy as np
import pytest

from tests.unit.passes.floats import Chain
from tinybayes.errors import UnsupportedError
from tinybayes.ir import ArgMax, Softmax, verify
from tinybayes.passes import quantize, to_integer
from tinybayes.reference import chosen_classes, dequantize_output, execute, quantize_input, scaled_input


def _softmax(chain):
    return chain._add(Softmax, chain.tensor.shape)


def _argmax(chain):
    return chain._add(ArgMax, (*chain.tensor.shape[:-1], 1))


def test_probabilities_have_a_scale_of_their_own(rng):
    graph = _softmax(_softmax(Chain((9,)).linear(6)).relu().linear(4)).graph()
    x = rng.normal(size=(200, 9)).astype(np.float32)
    integer = verify(quantize(graph, x))
    assert [node.op for node in integer.nodes] == ["linear", "softmax", "requantize", "linear", "softmax"]
    inner, outer = integer.tensors[integer.nodes[1].output], integer.output_tensor
    assert (inner.dtype, inner.scale) == ("uint8", np.float32(1 / 255))
    assert (outer.dtype, outer.scale) == ("int8", np.float32(1 / 127))
    got = dequantize_output(integer, execute(integer, quantize_input(integer, x))[integer.output])
    expected = execute(graph, scaled_input(graph, x))[graph.output]
    assert np.abs(got - expected).max() < 0.03


def test_channels_in_front_of_a_softmax_are_kept(rng):
    """A channel that nothing reads behind it is still in its sum."""
    weight = np.eye(3, 6)
    graph = _softmax(Chain((9,)).linear(6)).linear(3, weight=weight).graph()
    integer = to_integer(graph, rng.normal(size=(200, 9)).astype(np.float32))
    assert integer.mac_nodes[0].outputs == 6


def test_class_numbers(rng):
    graph = _argmax(Chain((9,)).linear(6)).graph()
    x = rng.normal(size=(300, 9)).astype(np.float32)
    integer = to_integer(graph, x)
    assert (integer.output_tensor.scale, integer.output_tensor.shape) == (1.0, (1,))
    got = chosen_classes(execute(integer, quantize_input(integer, x))[integer.output])
    expected = chosen_classes(execute(graph, scaled_input(graph, x))[graph.output])
    assert (got == expected).mean() > 0.95


@pytest.mark.parametrize("outputs", [129, 6])
def test_class_numbers_are_for_the_end_and_for_128_classes(outputs, rng):
    chain = _argmax(Chain((9,)).linear(outputs))
    graph = (chain if outputs == 129 else chain.linear(3)).graph()
    with pytest.raises(UnsupportedError, match=rf"layer 'argmax1': argmax of {outputs} channels is supported only"):
        quantize(graph, rng.normal(size=(20, 9)).astype(np.float32))
