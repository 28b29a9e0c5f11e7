"""Recurrent operators as header records: both matrices with their requantization, the curve, and what is 16 bits."""

from collections.abc import Mapping
from math import prod

import numpy as np

from tinybayes.errors import FileFormatError
from tinybayes.ir import Gru, Linear, Lstm, Node, Recurrent, Requant, Tensor
from tinybayes.ir.requant import INT16_MAX, INT16_MIN
from tinybayes.ir.verify_recurrent import CURVE_INTERVALS, FRACTION_BITS
from tinybayes.tbn.fields import Fields
from tinybayes.tbn.limits import MAX_DENSE_WEIGHTS
from tinybayes.tbn.payload import PayloadReader, PayloadWriter, Record
from tinybayes.tbn.weights import add_weight, take_weight

GRU_KEYS = ("curve", "from_input", "from_state", "gate_fraction_bits", "last_only", "output_shift", "state_bits")
LSTM_KEYS = (*GRU_KEYS, "cell_fraction_bits")
_MATRIX_KEYS = ("bias", "dense_shape", "multiplier", "post_shift", "pre_shift", "weight", "weight_scale")


def add_recurrent(node: Recurrent, payload: PayloadWriter) -> Record:
    """The keys of a recurrent operator; its arrays are appended to the payload."""
    assert node.curve is not None  # ir.verify has seen to it
    record: Record = {
        "from_input": _add_matrix(node.from_input, payload),
        "from_state": _add_matrix(node.from_state, payload),
        "curve": payload.add_integers(node.curve),
        "gate_fraction_bits": int(node.gate_fraction_bits),
        "last_only": int(node.last_only),
        "output_shift": int(node.output_shift),
        "state_bits": int(node.state_bits),
    }
    if node.backward:
        record["backward"] = 1
    return record | ({"cell_fraction_bits": int(node.cell_fraction_bits)} if isinstance(node, Lstm) else {})


def take_gru(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    """The gated recurrent units of a record."""
    return Gru(**common, **_take(fields, payload, str(common["name"])))


def take_lstm(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    """The long short-term memory of a record."""
    places = fields.integer("cell_fraction_bits", 0, FRACTION_BITS)
    return Lstm(**common, **_take(fields, payload, str(common["name"])), cell_fraction_bits=places)


def _take(fields: Fields, payload: PayloadReader, name: str) -> Record:
    from_input = _take_matrix(fields.record("from_input", _MATRIX_KEYS), payload, f"{name}.input")
    from_state = _take_matrix(fields.record("from_state", _MATRIX_KEYS), payload, f"{name}.state")
    curve = payload.take_integers(fields, "curve", (CURVE_INTERVALS + 1,))
    if int(curve.min()) < 0 or int(curve.max()) > INT16_MAX:
        raise FileFormatError(f"{fields.where}.curve: got a number beyond 0 .. {INT16_MAX}")
    return {
        "from_input": from_input,
        "from_state": from_state,
        "curve": curve.astype(np.int16),
        "gate_fraction_bits": fields.integer("gate_fraction_bits", 0, FRACTION_BITS),
        "last_only": bool(fields.integer("last_only", 0, 1)),
        "backward": fields.has("backward") and fields.integer("backward", 1, 1) == 1,
        "output_shift": fields.integer("output_shift", 1, 8),
        "state_bits": fields.integer("state_bits", 8, 16),
    }


def _add_matrix(layer: Linear, payload: PayloadWriter) -> Record:
    assert layer.weight_scale is not None  # ir.verify has seen to it
    assert layer.requant is not None
    return {
        "weight": add_weight(payload, layer.weight),
        "bias": payload.add_integers(layer.bias),
        "weight_scale": payload.add_reals(layer.weight_scale),
        "multiplier": payload.add_integers(layer.requant.multiplier),
        "pre_shift": int(layer.requant.pre_shift),
        "post_shift": int(layer.requant.post_shift),
        "dense_shape": [int(d) for d in layer.dense_shape],
    }


def _take_matrix(fields: Fields, payload: PayloadReader, name: str) -> Linear:
    weight = take_weight(payload, fields, "weight")
    rows = weight.shape[0]
    bias = payload.take_integers(fields, "bias", (rows,))
    weight_scale = payload.take_reals(fields, "weight_scale", (1, rows))
    if not bool((weight_scale > 0).all()):
        raise FileFormatError(f"{fields.where}.weight_scale: got {weight_scale.min()}, wanted numbers above 0")
    multiplier = payload.take_integers(fields, "multiplier", (1, rows))
    shifts = fields.integer("pre_shift", 0, 24), fields.integer("post_shift", 1, 30)
    first, second, third, fourth = fields.integers("dense_shape", 1, MAX_DENSE_WEIGHTS, (4,))
    dense_shape = first, second, third, fourth
    if prod(dense_shape) > MAX_DENSE_WEIGHTS:
        raise fields.fail("dense_shape", f"at most {MAX_DENSE_WEIGHTS} weights")
    requant = Requant(shifts[0], multiplier, shifts[1], INT16_MIN, INT16_MAX)
    return Linear(
        name=name, inputs=(), output="", weight=weight, bias=bias, dense_shape=dense_shape, weight_scale=weight_scale,
        requant=requant,
    )  # fmt: skip
