import numpy as np
import pytest

from tests.unit.passes.floats import Chain
from tinybayes.errors import UnsupportedError
from tinybayes.ir import verify
from tinybayes.passes import fold_batchnorm, to_integer
from tinybayes.reference import dequantize_output, execute, quantize_input, scaled_input


def test_folding_keeps_the_function_and_the_zeros(rng):
    graph = Chain((12, 3)).conv(4, (1, 3)).batch_norm().relu().flatten().linear(5).batch_norm().graph()
    graph.mac_nodes[0].weight[1, 0, 2] = 0
    folded = verify(fold_batchnorm(graph))
    x = rng.normal(size=(6, 12, 3)).astype(np.float32)
    assert [node.op for node in folded.nodes] == ["conv", "relu", "flatten", "linear"]
    assert folded.mac_nodes[0].nonzero == graph.mac_nodes[0].nonzero
    np.testing.assert_allclose(execute(folded, x)[folded.output], execute(graph, x)[graph.output], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("graph", "operators"),
    [
        (Chain((8,)).linear(4).relu().batch_norm().graph(), ["linear", "affine"]),
        (Chain((8,)).batch_norm().linear(4).graph(), ["affine", "linear"]),
        (Chain((5, 3)).conv(4, (1, 3)).relu().batch_norm().relu().conv(2, (1, 2)).graph(), ["conv", "affine", "conv"]),
    ],
)
def test_a_batch_norm_elsewhere_is_a_layer_of_its_own(graph, operators):
    x = np.random.default_rng(0).normal(size=(300, *graph.torch_input_shape)).astype(np.float32)
    integer = to_integer(graph, x)
    assert [node.op for node in integer.nodes] == operators
    wanted = execute(graph, scaled_input(graph, x))[graph.output]
    got = dequantize_output(integer, execute(integer, quantize_input(integer, x))[integer.output])
    assert float(np.sqrt(np.mean((got - wanted) ** 2)) / wanted.std()) < 0.03


def test_a_fold_beyond_float32_is_refused():
    graph = Chain((8,)).linear(4).batch_norm().graph()
    graph.nodes[1].multiplier[:] = 1e39
    with pytest.raises(UnsupportedError, match=r"'linear0'.*beyond float32"):
        fold_batchnorm(graph)
