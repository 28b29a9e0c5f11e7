"""Recurrent operators: GRU and LSTM in real numbers, and in 16-bit integers without a division.

Equations and order of the gates are those of torch.nn.GRU and torch.nn.LSTM.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from tinybayes.ir import Linear, Lstm, Recurrent

Array = npt.NDArray[Any]

_HALF = 1 << 14
_LARGEST = 2**15 - 1
_TANH_BITS = 8
"""The curve has an entry for every 2**8 codes of 12 binary places."""
_SIGMOID_BITS = 9
"""sigmoid(x) = (1 + tanh(x / 2)) / 2, so there an entry is reached every 2**9 codes."""


def recurrent(node: Recurrent, x: Array) -> Array:
    """Hidden states for series (samples, 1, time, channels): behind each position, or behind the last."""
    series = x.reshape(x.shape[0], x.shape[2], x.shape[3])
    steps = _integer_steps(node, series) if node.curve is not None else _real_steps(node, series)
    states = [step.output for step in steps]
    return states[-1] if node.last_only else np.stack(states[::-1] if node.backward else states, axis=1)


@dataclass(frozen=True, eq=False)
class Reach:
    """The largest magnitudes inside a recurrent operator: of pre-activations and their sums, cells and states."""

    gates: float
    cells: float
    states: float

    def joined(self, other: "Reach") -> "Reach":
        """The larger of each."""
        return Reach(max(self.gates, other.gates), max(self.cells, other.cells), max(self.states, other.states))


def reach(node: Recurrent, series: Array) -> Reach:
    """What real series (samples, time, channels) bring about inside a float ``node``."""
    found = Reach(0.0, 0.0, 0.0)
    for step in _real_steps(node, series.astype(np.float64)):
        gates, cells, states = (float(np.abs(values).max()) for values in (step.gates, step.cells, step.output))
        found = found.joined(Reach(gates, cells, states))
    return found


@dataclass(frozen=True, eq=False)
class _Step:
    output: Array
    gates: Array
    cells: Array


def _positions(node: Recurrent, series: Array) -> range:
    """Positions in the order in which they are taken."""
    positions = range(series.shape[1])
    return positions[::-1] if node.backward else positions


def _real_steps(node: Recurrent, series: Array) -> Iterator[_Step]:
    state = np.zeros((len(series), node.units))
    cells = np.zeros_like(state)
    for t in _positions(node, series):
        given = series[:, t] @ node.from_input.matrix.T + node.from_input.bias
        fed = state @ node.from_state.matrix.T + node.from_state.bias
        parts = np.split(given, node.gates, axis=1)
        others = np.split(fed, node.gates, axis=1)
        if isinstance(node, Lstm):
            i, f, g, o = (a + b for a, b in zip(parts, others, strict=True))
            cells = expit(f) * cells + expit(i) * np.tanh(g)
            state = expit(o) * np.tanh(cells)
        else:
            r, z = (expit(a + b) for a, b in zip(parts[:2], others[:2], strict=True))
            n = np.tanh(parts[2] + r * others[2])
            state = n + z * (state - n)
        yield _Step(state, np.stack([given, fed, given + fed]), cells)


def _integer_steps(node: Recurrent, series: Array) -> Iterator[_Step]:
    assert node.curve is not None
    curve = node.curve.astype(np.int64)
    widen = 12 - node.gate_fraction_bits
    state = np.zeros((len(series), node.units), np.int64)
    cells = np.zeros_like(state)
    for t in _positions(node, series):
        operand = state if node.state_bits == 16 else narrow(state, node.output_shift)
        given = np.split(_multiplied(node.from_input, series[:, t]), node.gates, axis=1)
        fed = np.split(_multiplied(node.from_state, operand), node.gates, axis=1)
        if isinstance(node, Lstm):
            i, f, g, o = (_clamp16(a + b) << widen for a, b in zip(given, fed, strict=True))
            brought = sigmoid(curve, i) * tanh(curve, g) >> 15 - node.cell_fraction_bits
            cells = _clamp16((sigmoid(curve, f) * cells + brought + _HALF) >> 15)
            state = (sigmoid(curve, o) * tanh(curve, cells << 12 - node.cell_fraction_bits) + _HALF) >> 15
        else:
            r, z = (sigmoid(curve, _clamp16(a + b) << widen) for a, b in zip(given[:2], fed[:2], strict=True))
            n = tanh(curve, (given[2] + ((r * fed[2] + _HALF) >> 15)) << widen)
            state = n + ((z * (state - n) + _HALF) >> 15)
        yield _Step(narrow(state, node.output_shift), np.concatenate([*given, *fed], axis=1), cells)


def _multiplied(layer: Linear, x: Array) -> Array:
    """Codes of pre-activations, 16 bits."""
    assert layer.requant is not None
    # Products of integers below 2**53 are exact in float64, where numpy has fast matrix products.
    product = x.astype(np.float64) @ layer.matrix.T.astype(np.float64)
    return layer.requant.apply(product.astype(np.int64) + layer.bias.astype(np.int64))


def narrow(state: Array, shift: int) -> Array:
    """int8 codes of states with 15 binary places."""
    codes: Array = np.clip((state + (1 << (shift - 1))) >> shift, -128, 127)
    return codes


def _clamp16(values: Array) -> Array:
    clamped: Array = np.clip(values, -_LARGEST - 1, _LARGEST)
    return clamped


def tanh(curve: Array, codes: Array) -> Array:
    """tanh with 15 binary places of codes with 12; beyond 8 it stays."""
    return _interpolated(curve, np.clip(codes, -_LARGEST, _LARGEST), _TANH_BITS)


def sigmoid(curve: Array, codes: Array) -> Array:
    """The logistic function with 15 binary places of codes with 12; beyond 16 it stays."""
    clamped = np.clip(codes, -2 * _LARGEST - 1, 2 * _LARGEST + 1)
    half: Array = (2**15 + _interpolated(curve, clamped, _SIGMOID_BITS)) >> 1
    return half


def _interpolated(curve: Array, codes: Array, bits: int) -> Array:
    magnitude = np.abs(codes)
    start = magnitude >> bits
    slope = curve[start + 1] - curve[start]
    value = curve[start] + ((slope * (magnitude & (1 << bits) - 1) + (1 << bits - 1)) >> bits)
    signed: Array = np.where(codes < 0, -value, value)
    return signed


def tanh_curve() -> npt.NDArray[np.int16]:
    """``curve`` of a recurrent operator.

    Between two entries tanh bends away from the straight line by up to h^2 / 8 of its second derivative; entries are
    moved by half of that, which halves the largest error.
    """
    x = np.arange(129) / 16
    y = np.tanh(x)
    second = -2 * y * (1 - y**2)
    codes: npt.NDArray[np.int16] = np.clip(np.rint((y - second / 16**3) * 2.0**15), 0, _LARGEST).astype(np.int16)
    return codes
