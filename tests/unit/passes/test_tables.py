import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.passes.floats import Chain
from tinybayes.frontend.fake_quant import TORCH_FUNCTIONS
from tinybayes.ir import Pointwise, verify
from tinybayes.ir.functions import CLAMP, FUNCTIONS
from tinybayes.passes import quantize, to_integer
from tinybayes.passes.tables import input_values, table_codes
from tinybayes.reference import execute, quantize_input

PARAMETERS = {
    CLAMP: (-0.7, 1.3),
    "elu": (0.8, 1.1, 0.9),
    "leaky_relu": (0.1,),
    "softplus": (1.5, 20.0),
}  # fmt: skip

NEVER_NEGATIVE = ("exp", "hard_sigmoid", "rsqrt", "sigmoid", "softplus", "square")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_are_torchs(function):
    x = torch.linspace(-12, 12, 4001, dtype=torch.float64)
    parameters = PARAMETERS.get(function, ())
    assert len(parameters) == len(FUNCTIONS[function].parameters)
    expected = TORCH_FUNCTIONS[function](x, *parameters).numpy()
    np.testing.assert_allclose(FUNCTIONS[function].evaluate(x.numpy(), *parameters), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_said_to_rise_never_falls(function):
    parameters = PARAMETERS.get(function, ())
    values = FUNCTIONS[function].evaluate(np.linspace(-30, 30, 60001), *parameters)
    assert FUNCTIONS[function].rises(*parameters) == bool(np.all(np.diff(values) >= 0))
    assert not FUNCTIONS["leaky_relu"].rises(-0.1)
    assert not FUNCTIONS["elu"].rises(-1.0, 1.0, 1.0)


@pytest.mark.parametrize("function", FUNCTIONS)
@settings(max_examples=60, deadline=None)
@given(scale=st.floats(1e-4, 10.0), output_scale=st.floats(1e-4, 1.0), dtype=st.sampled_from(("int8", "uint8")))
def test_every_code_is_within_half_a_code_of_the_function(function, scale, output_scale, dtype):
    parameters = PARAMETERS.get(function, ())
    table = table_codes(function, parameters, dtype, scale, output_scale, (-128, 127))
    stored = np.arange(256)
    codes = np.where((stored > 127) & (dtype == "int8"), stored - 256, stored)
    real = TORCH_FUNCTIONS[function](torch.from_numpy(codes * scale), *parameters).clamp(max=1e9).numpy() / output_scale
    assert np.abs(table - np.clip(real, -128, 127)).max() <= 0.5 + 1e-9


def test_input_values_are_by_byte():
    assert input_values("int8", 0.5)[[0, 1, 127, 128, 255]].tolist() == [0, 0.5, 63.5, -64, -0.5]
    assert input_values("uint8", 0.5)[[0, 128, 255]].tolist() == [0, 64, 127.5]


def _with(chain, function, *parameters):
    return chain._add(Pointwise, chain.tensor.shape, function=function, parameters=parameters)


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != CLAMP])
def test_a_function_behind_a_layer_is_within_a_code(function, rng):
    graph = _with(Chain((12,)).linear(20), function, *PARAMETERS.get(function, ())).linear(3).graph()
    x = rng.normal(size=(300, 12)).astype(np.float32)
    integer = verify(quantize(graph, x))
    node = integer.nodes[1]
    assert isinstance(node, Pointwise)
    values = execute(integer, quantize_input(integer, x))
    source, target = integer.tensors[node.input], integer.tensors[node.output]
    real = FUNCTIONS[function].evaluate(values[node.input] * float(source.scale), *node.parameters)
    codes = np.clip(real / target.scale, *target.code_range)
    assert np.abs(values[node.output] - codes).max() <= 0.5 + 1e-6
    assert target.dtype == ("uint8" if function in NEVER_NEGATIVE else "int8")


def test_clamps_become_those_of_the_layer_before_them(rng):
    x = rng.normal(size=(200, 8)).astype(np.float32)
    six = _with(Chain((8,)).linear(9), CLAMP, 0.0, 6.0)
    graph = _with(_with(_with(six.linear(7), "tanh"), CLAMP, -0.25, math.inf).linear(5), CLAMP, -0.5, 0.25).graph()
    integer = to_integer(graph, x)
    assert [node.op for node in integer.nodes] == ["linear", "linear", "pointwise", "linear"]
    first, _, tanh, last = integer.nodes
    assert (first.requant.low, first.requant.high) == (0, 255)
    assert integer.tensors[first.output].scale * 255 <= 6.0 + 1e-6
    lowest = tanh.table.min() * integer.tensors[tanh.output].scale
    assert abs(lowest + 0.25) <= integer.tensors[tanh.output].scale / 2
    scale = integer.output_tensor.scale
    assert (last.requant.low, last.requant.high) == (round(-0.5 / scale), round(0.25 / scale))


def test_a_clamp_on_the_input_is_a_requantization(rng):
    graph = _with(_with(Chain((8,)), CLAMP, -1.0, 0.5), CLAMP, -0.75, 2.0).linear(3).graph()
    x = rng.normal(size=(200, 8)).astype(np.float32)
    integer = verify(quantize(graph, x))
    node = integer.nodes[0]
    scale = integer.tensors[node.output].scale
    assert node.op == "requantize"
    assert (node.requant.low, node.requant.high) == (round(-0.75 / scale), round(0.5 / scale))


@settings(max_examples=100, deadline=None)
@given(source=st.floats(1e-4, 10.0), ratio=st.floats(1 / 300, 300.0))
def test_requantization_is_within_half_a_code_and_its_multipliers_rounding(source, ratio):
    from tinybayes.passes.requantize import choose_requant

    requant = choose_requant(np.array([ratio]), 0, -128, 127)
    codes = np.arange(-128, 128)
    got = requant.apply(codes)
    assert np.abs(got - np.clip(codes * ratio, -128, 127)).max() <= 0.5 + 256 * 2.0**-14
