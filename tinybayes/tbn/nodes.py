"""Operators as header records: one row an operator, a test compares the rows with the operators of the IR."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from tinybayes.errors import FileFormatError
from tinybayes.ir import (
    Add,
    Affine,
    ArgMax,
    AveragePool,
    AveragePoolSpans,
    Concat,
    ConstantPad,
    Conv,
    Flatten,
    Gru,
    Linear,
    Lstm,
    MacNode,
    MaxPool,
    MaxPoolSpans,
    Multiply,
    Node,
    Pointwise,
    Rearrange,
    Requantize,
    Select,
    Softmax,
    SpanPool,
    Tensor,
)
from tinybayes.ir.functions import FUNCTIONS
from tinybayes.ir.nodes import OPERATORS
from tinybayes.ir.verify import MAX_DIVISORS
from tinybayes.tbn import joins
from tinybayes.tbn.fields import Fields
from tinybayes.tbn.limits import MAX_DENSE_WEIGHTS, MAX_ELEMENTS, MAX_WINDOW
from tinybayes.tbn.payload import PayloadReader, PayloadWriter, Record
from tinybayes.tbn.recurrent import GRU_KEYS, LSTM_KEYS, add_recurrent, take_gru, take_lstm
from tinybayes.tbn.requants import add_requant, take_requant
from tinybayes.tbn.weights import add_positions, add_weight, take_positions, take_weight

_COMMON_KEYS = ("inputs", "name", "op", "output")
_MAC_KEYS = ("bias", "dense_shape", "requant", "weight", "weight_scale")
_WINDOW_KEYS = ("stride", "window")


def _add_mac(node: MacNode, payload: PayloadWriter) -> Record:
    assert node.weight_scale is not None  # ir.verify has seen to it
    return {
        "weight": add_weight(payload, node.weight),
        "bias": payload.add_integers(node.bias),
        "weight_scale": payload.add_reals(node.weight_scale),
        "requant": add_requant(node.requant, payload),
        "dense_shape": [int(d) for d in node.dense_shape],
    }


def _take_mac(fields: Fields, payload: PayloadReader) -> dict[str, Any]:
    weight = take_weight(payload, fields, "weight")
    outputs = weight.shape[0]
    bias = payload.take_integers(fields, "bias", (outputs,))
    weight_scale = payload.take_reals(fields, "weight_scale", (1, outputs))
    if not bool((weight_scale > 0).all()):
        raise FileFormatError(f"{fields.where}.weight_scale: got {weight_scale.min()}, wanted numbers above 0")
    dense_shape = fields.integers("dense_shape", 1, MAX_DENSE_WEIGHTS, (4,))
    if prod(dense_shape) > MAX_DENSE_WEIGHTS:
        raise fields.fail("dense_shape", f"at most {MAX_DENSE_WEIGHTS} weights")
    return {
        "weight": weight,
        "bias": bias,
        "weight_scale": weight_scale,
        "requant": take_requant(fields, payload, outputs),
        "dense_shape": dense_shape,
    }


def _take_linear(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    node = Linear(**common, **_take_mac(fields, payload))
    if node.weight.shape[1:3] != (1, 1):
        raise FileFormatError(f"{fields.where}.weight.shape: got {node.weight.shape}, wanted a kernel of 1 x 1")
    return node


def _add_conv(node: Conv, payload: PayloadWriter) -> Record:
    mac = _add_mac(node, payload)
    return mac | {"padding": [int(p) for p in node.padding], "stride": [int(s) for s in node.stride]}


def _take_conv(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    top, bottom, left, right = fields.integers("padding", 0, MAX_WINDOW, (4,))
    stride = fields.pair("stride", 1, MAX_WINDOW)
    return Conv(**common, **_take_mac(fields, payload), padding=(top, bottom, left, right), stride=stride)


def _add_windows(node: MaxPool | AveragePool, payload: PayloadWriter) -> Record:
    return {"stride": [int(s) for s in node.stride], "window": [int(w) for w in node.window]}


def _take_max_pool(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    window, stride = fields.pair("window", 1, MAX_ELEMENTS), fields.pair("stride", 1, MAX_ELEMENTS)
    return MaxPool(**common, window=window, stride=stride)


def _add_average_pool(node: AveragePool, payload: PayloadWriter) -> Record:
    divided = {} if node.divisor is None else {"divisor": int(node.divisor)}
    return _add_windows(node, payload) | divided | {"requant": add_requant(node.requant, payload)}


def _take_average_pool(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    requant = take_requant(fields, payload, tensors[common["output"]].channels)
    window, stride = fields.pair("window", 1, MAX_ELEMENTS), fields.pair("stride", 1, MAX_ELEMENTS)
    divisor = fields.integer("divisor", 1, MAX_ELEMENTS) if fields.has("divisor") else None
    return AveragePool(**common, window=window, stride=stride, divisor=divisor, requant=requant)


def _add_flatten(node: Flatten, payload: PayloadWriter) -> Record:
    return {}


def _take_flatten(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    return Flatten(**common)


def _add_select(node: Select, payload: PayloadWriter) -> Record:
    return {"indices": add_positions(payload, node.indices.astype(np.int64))}


def _take_select(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    size = tensors[common["inputs"][0]].elements
    return Select(**common, indices=take_positions(payload, fields, "indices", size))


def _add_pointwise(node: Pointwise, payload: PayloadWriter) -> Record:
    assert node.table is not None  # ir.verify has seen to it
    return {
        "function": node.function,
        "parameters": payload.add_reals(np.array(node.parameters, np.float64)),
        "table": payload.add_integers(node.table),
    }


def _take_pointwise(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    function = fields.choice("function", FUNCTIONS)
    parameters = payload.take_reals(fields, "parameters", (len(FUNCTIONS[function].parameters),))
    table = payload.take_integers(fields, "table", (256,))
    if int(table.min()) < -128 or int(table.max()) > 255:
        raise FileFormatError(f"{fields.where}.table: got a code beyond 8 bits, wanted codes in -128 .. 255")
    return Pointwise(
        **common, function=function, parameters=tuple(parameters.tolist()), table=table.astype(np.int16)
    )  # fmt: skip


def _add_requantize(node: Requantize, payload: PayloadWriter) -> Record:
    return {"requant": add_requant(node.requant, payload)}


def _take_requantize(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    return Requantize(**common, requant=take_requant(fields, payload, 1))


def _add_softmax(node: Softmax, payload: PayloadWriter) -> Record:
    assert node.exponentials is not None  # ir.verify has seen to it
    return {"exponentials": payload.add_integers(node.exponentials), "high": int(node.high)}


def _take_softmax(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    table = payload.take_integers(fields, "exponentials", range(1, 257))
    if int(table.min()) < 0 or int(table.max()) > 2**15:
        raise FileFormatError(f"{fields.where}.exponentials: got a number beyond 0 .. 32768")
    return Softmax(**common, exponentials=table.astype(np.uint16), high=fields.integer("high", 127, 255))


def _take_argmax(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    return ArgMax(**common)


def _add_spans(node: SpanPool, payload: PayloadWriter) -> Record:
    rows, columns = ([[int(end) for end in span] for span in spans] for spans in (node.rows, node.columns))
    return {"columns": columns, "rows": rows}


def _take_spans(fields: Fields, key: str) -> tuple[tuple[int, int], ...]:
    spans = fields.entries(key)
    ends = range(MAX_WINDOW + 1)
    for span in spans:
        if type(span) is not list or len(span) != 2 or any(type(end) is not int or end not in ends for end in span):
            raise fields.fail(key, f"pairs of integers in 0 .. {MAX_WINDOW}")
    return tuple((start, stop) for start, stop in spans)


def _take_max_pool_spans(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    return MaxPoolSpans(**common, rows=_take_spans(fields, "rows"), columns=_take_spans(fields, "columns"))


def _add_average_pool_spans(node: AveragePoolSpans, payload: PayloadWriter) -> Record:
    counts = {"column_counts": [int(c) for c in node.column_counts], "row_counts": [int(c) for c in node.row_counts]}
    return _add_spans(node, payload) | counts | {"requant": add_requant(node.requant, payload)}


def _take_average_pool_spans(
    fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]
) -> Node:
    rows, columns = _take_spans(fields, "rows"), _take_spans(fields, "columns")
    node = AveragePoolSpans(
        **common,
        rows=rows,
        columns=columns,
        row_counts=fields.integers("row_counts", 1, MAX_WINDOW, (len(rows),)),
        column_counts=fields.integers("column_counts", 1, MAX_WINDOW, (len(columns),)),
    )
    different = len(set(node.row_counts)) * len(set(node.column_counts))
    if not 1 <= different <= MAX_DIVISORS:
        raise fields.fail("row_counts", f"1 to {MAX_DIVISORS} different products with column_counts")
    return replace(node, requant=take_requant(fields, payload, different))


OPTIONAL: dict[str, tuple[str, ...]] = {AveragePool.op: ("divisor",), Gru.op: ("backward",), Lstm.op: ("backward",)}
"""Keys that are there only where they say something: operator -> keys."""

_Add = Callable[..., Record]
_Take = Callable[[Fields, PayloadReader, Record, Mapping[str, Tensor]], Node]

ROWS: dict[str, tuple[tuple[str, ...], _Add, _Take]] = {
    Linear.op: (_MAC_KEYS, _add_mac, _take_linear),
    Conv.op: ((*_MAC_KEYS, "padding", "stride"), _add_conv, _take_conv),
    MaxPool.op: (_WINDOW_KEYS, _add_windows, _take_max_pool),
    AveragePool.op: ((*_WINDOW_KEYS, "requant"), _add_average_pool, _take_average_pool),
    Flatten.op: ((), _add_flatten, _take_flatten),
    Select.op: (("indices",), _add_select, _take_select),
    Pointwise.op: (("function", "parameters", "table"), _add_pointwise, _take_pointwise),
    Requantize.op: (("requant",), _add_requantize, _take_requantize),
    Softmax.op: (("exponentials", "high"), _add_softmax, _take_softmax),
    ArgMax.op: ((), _add_flatten, _take_argmax),
    Add.op: (("factors", "requant"), joins.add_sum, joins.take_sum),
    Multiply.op: (("requant",), joins.add_product, joins.take_product),
    Affine.op: (joins.AFFINE_KEYS, joins.add_affine, joins.take_affine),
    ConstantPad.op: (joins.PAD_KEYS, joins.add_frame, joins.take_frame),
    Rearrange.op: (("offset", "sizes", "strides"), joins.add_rearrangement, joins.take_rearrangement),
    Concat.op: (("axis", "requants"), joins.add_concat, joins.take_concat),
    MaxPoolSpans.op: (("columns", "rows"), _add_spans, _take_max_pool_spans),
    AveragePoolSpans.op: (
        ("column_counts", "columns", "requant", "row_counts", "rows"),
        _add_average_pool_spans,
        _take_average_pool_spans,
    ),
    Gru.op: (GRU_KEYS, add_recurrent, take_gru),
    Lstm.op: (LSTM_KEYS, add_recurrent, take_lstm),
}
"""Operator -> (keys of its own, writer, reader)."""


def add_node(node: Node, payload: PayloadWriter) -> Record:
    """The record of an operator; its arrays are appended to the payload."""
    _, add, _ = ROWS[node.op]
    common = {"inputs": list(node.inputs), "name": node.name, "op": node.op, "output": node.output}
    return common | add(node, payload)


def take_node(value: Record, where: str, payload: PayloadReader, tensors: Mapping[str, Tensor]) -> Node:
    """The operator of a record, its arrays taken from the payload; FileFormatError names the key."""
    op = value.get("op") if type(value) is dict else None
    if type(op) is str and op in ROWS:
        keys, _, take = ROWS[op]
        there = (key for key in OPTIONAL.get(op, ()) if key in value)
        fields = Fields(value, where, (*_COMMON_KEYS, *keys, *there))
    else:
        known = ", ".join(sorted(ROWS))
        raise FileFormatError(f"{where}.op: operator {ascii(op)[:60]} is unknown, known are {known}")
    common = {
        "name": fields.name("name"),
        "inputs": fields.names("inputs", *OPERATORS[op].arity),
        "output": fields.name("output"),
    }
    for key, name in (*(("inputs", name) for name in common["inputs"]), ("output", common["output"])):
        if name not in tensors:
            raise fields.fail(key, "the name of a tensor of this file")
    return take(fields, payload, common, tensors)
