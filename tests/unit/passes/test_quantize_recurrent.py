import numpy as np
import pytest

from tests.unit.reference.test_recurrent import layer
from tinybayes.errors import LimitError, UserError
from tinybayes.ir import Gru, Lstm
from tinybayes.passes.quantize_recurrent import (
    Bits,
    Operand,
    check_recurrent_bits,
    output_scale,
    output_shift,
    quantize_recurrent,
)
from tinybayes.reference.recurrent import Reach, reach, recurrent

STEP = 1 / 32


def quantized(kind, bits, *, steps=40, seed=1, **options):
    """(what the integer operator gives, what torch gives) for a long random series on a grid of ``STEP``."""
    _, node = layer(kind, 6, 16, seed)
    rng = np.random.default_rng(seed)
    codes = rng.integers(-100, 101, size=(64, steps, 6))
    series = codes * STEP
    found = reach(node, series)
    made = quantize_recurrent(node, Operand(STEP, 128), found, Bits(bias=16, state=bits), **options)
    got = recurrent(made, codes[:, None]) * output_scale(found)
    return got, recurrent(node, series[:, None])


@pytest.mark.parametrize("kind", [Gru, Lstm])
def test_states_stay_near_torchs_over_forty_positions(kind):
    """Weights of 8 bits and states of 8 bits at the edge: the largest error of 40,000 states, and the usual one."""
    for bits in (8, 16):
        got, wanted = quantized(kind, bits)
        assert np.abs(got - wanted).max() < 0.03
        assert np.sqrt(np.mean((got - wanted) ** 2)) < 0.005


@pytest.mark.parametrize("kind", [Gru, Lstm])
def test_wide_states_are_no_worse(kind):
    errors = []
    for bits in (8, 16):
        got, wanted = quantized(kind, bits, steps=150)
        errors.append(np.sqrt(np.mean((got - wanted) ** 2)))
    assert errors[1] <= errors[0] * 1.02


def test_one_scale_a_matrix():
    got, wanted = quantized(Gru, 8, per_channel=False)
    assert np.sqrt(np.mean((got - wanted) ** 2)) < 0.006


@pytest.mark.parametrize(("states", "shift"), [(0.0, 1), (0.0038, 1), (0.0079, 2), (0.49, 7), (0.99, 8), (1.0, 8)])
def test_outputs_are_shifted_states_that_hold_all_that_was_seen(states, shift):
    assert output_shift(Reach(0.0, 0.0, states)) == shift
    assert output_scale(Reach(0.0, 0.0, states)) == 2.0 ** (shift - 15)


def test_large_gates_and_cells_get_fewer_binary_places():
    _, node = layer(Lstm, 6, 16)
    made = quantize_recurrent(node, Operand(STEP, 128), Reach(20.0, 30.0, 0.9), Bits(16, 8))
    assert (made.gate_fraction_bits, made.cell_fraction_bits) == (10, 9)


def test_an_accumulator_that_does_not_fit_is_refused():
    _, node = layer(Gru, 6, 400)
    for matrix in node.weighted:
        matrix.weight[...] = np.where(np.arange(matrix.weight.size).reshape(matrix.weight.shape) % 3, 1.0, -0.99)
    with pytest.raises(LimitError, match=r"layer 'r': an accumulator of its gates .*--recurrent-bits 8"):
        quantize_recurrent(node, Operand(STEP, 128), Reach(1.0, 0.0, 0.9), Bits(16, 16))
    quantize_recurrent(node, Operand(STEP, 128), Reach(1.0, 0.0, 0.9), Bits(16, 8))


def test_other_widths_are_refused():
    with pytest.raises(UserError, match="--recurrent-bits: got 12; wanted 8 or 16"):
        check_recurrent_bits(12)
