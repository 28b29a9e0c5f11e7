"""Recurrent operators with integer weights: what grid their states and gates have, and their two matrices on it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tinybayes.errors import LimitError, UserError
from tinybayes.ir import Concat, Graph, Linear, Lstm, Recurrent
from tinybayes.ir.requant import INT16_MAX, INT16_MIN
from tinybayes.ir.verify import ACCUMULATOR_LIMIT
from tinybayes.ir.verify_recurrent import FRACTION_BITS, STATE_BITS
from tinybayes.passes.requantize import choose_pre_shift, choose_requant
from tinybayes.passes.weights import narrow_bias, quantize_weight
from tinybayes.reference.recurrent import Reach, tanh_curve

_STATE_SCALE = 2.0**-15
_LARGEST_STATE = 2**15
# Beyond 8 both curves are flat, so pre-activations need little room beyond what calibration has shown; cells add up.
_GATE_HEADROOM = 1.25
_CELL_HEADROOM = 2.0


@dataclass(frozen=True)
class Operand:
    """The codes that a matrix is multiplied with: their scale, and the largest magnitude that can be stored."""

    scale: float
    largest: int


@dataclass(frozen=True)
class Bits:
    """Bits of biases, and of hidden states where they are multiplied."""

    bias: int
    state: int


def check_recurrent_bits(bits: int) -> int:
    """``bits`` if states can have as many in products; raises UserError otherwise."""
    if bits not in STATE_BITS:
        raise UserError(f"--recurrent-bits: got {bits}; wanted {' or '.join(map(str, STATE_BITS))}")
    return bits


def joined_reaches(graph: Graph, reaches: Mapping[str, Reach]) -> dict[str, Reach]:
    """``reaches``, with one range of states for recurrent operators that are read side by side.

    Both directions of a layer then have one grid, and what puts them together copies.
    """
    written = {node.output: node.name for node in graph.nodes if isinstance(node, Recurrent)}
    joined = dict(reaches)
    for node in graph.nodes:
        names = [written[name] for name in node.inputs if name in written] if isinstance(node, Concat) else []
        states = max((joined[name].states for name in names), default=0.0)
        joined |= {name: replace(joined[name], states=states) for name in names if len(names) == len(node.inputs)}
    return joined


def output_shift(reach: Reach) -> int:
    """The shift from states to int8 codes that holds all that calibration has shown, and no more."""
    needed = reach.states * _LARGEST_STATE / 127
    return min(max(math.ceil(math.log2(needed)) if needed > 1 else 1, 1), 8)


def output_scale(reach: Reach) -> float:
    """The scale of the output, a power of two: a state's code is its 16 bits shifted."""
    return _STATE_SCALE * 2.0 ** output_shift(reach)


def quantize_recurrent(
    node: Recurrent, source: Operand, reach: Reach, bits: Bits, *, per_channel: bool = True
) -> Recurrent:
    """The integer operator for a float one that reads ``source``; ``reach`` is what calibration has shown inside it.

    Weights have a scale for each row, or with ``per_channel=False`` one a matrix. Raises LimitError where an
    accumulator could leave 30 bits.
    """
    shift = output_shift(reach)
    places = _fraction_bits(reach.gates * _GATE_HEADROOM)
    wide = bits.state == 16
    states = Operand(_STATE_SCALE, _LARGEST_STATE) if wide else Operand(_STATE_SCALE * 2.0**shift, 128)
    made = replace(
        node,
        from_input=_gates(node, node.from_input, source, places, bits.bias, per_channel),
        from_state=_gates(node, node.from_state, states, places, bits.bias, per_channel),
        state_bits=bits.state,
        gate_fraction_bits=places,
        output_shift=shift,
        curve=tanh_curve(),
    )
    if isinstance(made, Lstm):
        made = replace(made, cell_fraction_bits=_fraction_bits(reach.cells * _CELL_HEADROOM))
    return made


def _fraction_bits(largest: float) -> int:
    """The most binary places, at most those of the curve, with which 16 bits hold ``largest``."""
    return min(max(FRACTION_BITS - max(math.ceil(math.log2(max(largest, 1.0) / 8)), 0), 0), FRACTION_BITS)


def _gates(node: Recurrent, layer: Linear, operand: Operand, places: int, bias_bits: int, per_channel: bool) -> Linear:
    weight, weight_scale = quantize_weight(layer.weight, per_channel=per_channel)
    unit = weight_scale * operand.scale
    products = np.abs(weight.reshape(layer.outputs, -1).astype(np.int64)).sum(axis=1) * float(operand.largest)
    exact_bias = layer.bias.astype(np.float64) / unit
    ratio = unit * 2.0**places
    pre_shift = choose_pre_shift(ratio, products + np.abs(exact_bias), INT16_MAX)
    # The pre-shift rounds down; half a unit in the bias makes it round to nearest at no cost.
    bias = narrow_bias(exact_bias + (2.0 ** (pre_shift - 1) if pre_shift > 0 else 0.0), bias_bits)
    largest = float((products + np.abs(bias)).max())
    if not largest <= ACCUMULATOR_LIMIT:
        narrower = "; states of 8 bits need less (--recurrent-bits 8)" if operand.largest == _LARGEST_STATE else ""
        raise LimitError(
            f"layer {node.name!r}: an accumulator of its gates can reach {largest:.3g}, more than the "
            f"{ACCUMULATOR_LIMIT} that fit: make it smaller{narrower}"
        )
    return replace(
        layer,
        weight=weight,
        bias=bias.astype(np.int32),
        weight_scale=weight_scale,
        requant=choose_requant(ratio, pre_shift, INT16_MIN, INT16_MAX),
    )
