import numpy as np

from tests.unit.passes.floats import Chain
from tinybayes.ir import Pointwise, verify
from tinybayes.passes import to_integer
from tinybayes.passes.pool_first import pool_first
from tinybayes.plan.steps import lower
from tinybayes.reference import execute, scaled_input


def curve(chain, function, *parameters):
    return chain._add(Pointwise, chain.tensor.shape, function=function, parameters=parameters)


def test_a_maximum_is_taken_before_what_rises_and_the_convolution_takes_it_along(rng):
    chain = curve(curve(Chain((8, 8, 2)).conv(4, (3, 3)), "tanh"), "leaky_relu", 0.2)
    graph = curve(chain.max_pool((2, 2)).conv(3, (2, 2)), "silu").max_pool((2, 2)).flatten().linear(3).graph()
    swapped = verify(pool_first(graph))
    assert [node.op for node in swapped.nodes] == [
        "conv", "max_pool", "pointwise", "pointwise", "conv", "pointwise", "max_pool", "flatten", "linear",
    ]  # fmt: skip
    assert [node.function for node in swapped.nodes if isinstance(node, Pointwise)] == ["tanh", "leaky_relu", "silu"]
    x = rng.normal(size=(50, 2, 8, 8)).astype(np.float32)
    before, after = (execute(g, scaled_input(g, x))[g.output] for g in (graph, swapped))
    np.testing.assert_array_equal(before, after)
    first = lower(to_integer(graph, x))[0]
    assert first.pool is not None


def test_what_falls_somewhere_stays_where_it_is():
    graph = curve(Chain((8, 2)).conv(4, (1, 3)), "leaky_relu", -0.2).max_pool((1, 2)).graph()
    assert [node.op for node in pool_first(graph).nodes] == ["conv", "pointwise", "max_pool"]


def test_softplus_falls_where_a_small_threshold_ends_it():
    for threshold, operators in ((20.0, ["conv", "max_pool", "pointwise"]), (1.0, ["conv", "pointwise", "max_pool"])):
        graph = curve(Chain((8, 2)).conv(4, (1, 3)), "softplus", 1.0, threshold).max_pool((1, 2)).graph()
        assert [node.op for node in pool_first(graph).nodes] == operators
