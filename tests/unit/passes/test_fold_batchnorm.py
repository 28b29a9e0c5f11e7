import numpy as np
import pytest

from tests.unit.passes.floats import Chain
from tinybayes.errors import UnsupportedError
from tinybayes.ir import verify
from tinybayes.passes import fold_batchnorm
from tinybayes.reference import execute


def test_folding_keeps_the_function_and_the_zeros(rng):
    graph = Chain((12, 3)).conv(4, (1, 3)).batch_norm().relu().flatten().linear(5).batch_norm().graph()
    graph.mac_nodes[0].weight[1, 0, 2] = 0
    folded = verify(fold_batchnorm(graph))
    x = rng.normal(size=(6, 12, 3)).astype(np.float32)
    assert [node.op for node in folded.nodes] == ["conv", "relu", "flatten", "linear"]
    assert folded.mac_nodes[0].nonzero == graph.mac_nodes[0].nonzero
    np.testing.assert_allclose(execute(folded, x)[folded.output], execute(graph, x)[graph.output], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("graph", "where"),
    [
        (Chain((8,)).linear(4).relu().batch_norm().graph(), "behind relu 'relu1'"),
        (Chain((8,)).batch_norm().relu().linear(4).graph(), "behind the input"),
    ],
)
def test_a_batch_norm_elsewhere_is_named(graph, where):
    with pytest.raises(UnsupportedError, match=rf"layer 'batch_norm\d'.*only directly behind a linear.*{where}"):
        fold_batchnorm(graph)


def test_a_fold_beyond_float32_is_refused():
    graph = Chain((8,)).linear(4).batch_norm().graph()
    graph.nodes[1].multiplier[:] = 1e39
    with pytest.raises(UnsupportedError, match=r"'linear0'.*beyond float32"):
        fold_batchnorm(graph)


@pytest.mark.parametrize("shape", [(8,), (3, 4)])
def test_a_batch_norm_on_the_input_goes_into_the_linear_layer_behind_it(shape, rng):
    chain = Chain(shape).batch_norm()
    graph = (chain.flatten() if len(shape) > 1 else chain).linear(5).graph()
    graph.mac_nodes[0].weight[1, 0, 0, 2] = 0
    folded = fold_batchnorm(graph)
    assert "batch_norm" not in {node.op for node in folded.nodes}
    assert folded.mac_nodes[0].nonzero == graph.mac_nodes[0].nonzero
    x = rng.normal(size=(9, *shape)).astype(np.float32)
    np.testing.assert_allclose(execute(folded, x)[folded.output], execute(graph, x)[graph.output], rtol=1e-4, atol=1e-5)
