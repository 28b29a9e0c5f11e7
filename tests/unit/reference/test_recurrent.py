import numpy as np
import pytest
import torch
from scipy.special import expit
from torch import nn

from tinybayes.ir import Gru, Linear, Lstm
from tinybayes.reference.recurrent import narrow, reach, recurrent, sigmoid, tanh, tanh_curve

CURVE = tanh_curve().astype(np.int64)


def test_the_hyperbolic_tangent_is_right_to_two_ten_thousandths():
    codes = np.arange(-40000, 40001)
    wanted = np.tanh(codes / 2**12)
    assert np.abs(tanh(CURVE, codes) / 2**15 - wanted).max() < 2.2e-4
    assert np.all(np.diff(tanh(CURVE, codes)) >= 0)
    np.testing.assert_array_equal(tanh(CURVE, -codes), -tanh(CURVE, codes))


def test_the_logistic_function_is_right_to_two_ten_thousandths():
    codes = np.arange(-70000, 70001)
    got = sigmoid(CURVE, codes)
    assert np.abs(got / 2**15 - expit(codes / 2**12)).max() < 1.3e-4
    assert (got.min(), got.max()) == (0, 2**15 - 1)


def test_states_round_half_up_and_saturate():
    assert narrow(np.array([-32767, -128, -129, 0, 127, 128, 32767]), 8).tolist() == [-128, 0, -1, 0, 0, 1, 127]


def layer(kind, inputs, units, seed=0):
    """(torch layer, the same as a float operator) with biases that matter."""
    torch.manual_seed(seed)
    module = {Gru: nn.GRU, Lstm: nn.LSTM}[kind](inputs, units, batch_first=True)
    weight, feedback, bias, state_bias = (p.detach().numpy() for p in module.parameters())

    def matrix(values, biases):
        shape = (len(values), 1, 1, values.shape[1])
        return Linear(name="m", inputs=(), output="", weight=values.reshape(shape), bias=biases, dense_shape=shape)

    node = kind(
        name="r", inputs=("x",), output="y", from_input=matrix(weight, bias), from_state=matrix(feedback, state_bias)
    )
    return module, node


@pytest.mark.parametrize("kind", [Gru, Lstm])
def test_real_arithmetic_is_torchs(kind):
    module, node = layer(kind, 5, 7)
    x = torch.randn(4, 9, 5)
    wanted = module(x)[0].detach().numpy()
    np.testing.assert_allclose(recurrent(node, x.numpy()[:, None]), wanted, atol=1e-6)


def test_the_reach_is_what_is_seen_inside():
    module, node = layer(Lstm, 5, 7)
    x = 3 * torch.randn(4, 9, 5)
    states, (_, cells) = module(x)
    found = reach(node, x.numpy())
    assert found.states == pytest.approx(states.abs().max().item(), rel=1e-5)
    assert found.cells >= cells.abs().max().item() * (1 - 1e-5)
    largest = (x @ module.weight_ih_l0.T + module.bias_ih_l0).abs().max().item()
    assert found.gates >= largest * (1 - 1e-5)
