"""ATen operators on series: recurrent layers, the order of time and channels, single positions; ``HANDLERS``."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinybayes.frontend import pointwise
from tinybayes.frontend.chain import Chain, Value
from tinybayes.frontend.program import Call, Ref
from tinybayes.ir import Conv, Gru, Linear, Lstm, Recurrent, Select

SUPPORTED = (
    "gru and lstm (batch_first=True, any number of layers, one direction, a first state of zeros), the whole series, "
    "one position of it or h_n of one layer; transpose(1, 2) of a series; linear at each position of "
    "(batch, time, features)"
)
_TIME_FIRST = frozenset({
    "gru", "lstm", "linear", "transpose", "permute", "swapaxes", "select", "slice", "flatten", "view", "reshape",
    "_unsafe_view", "relu", "relu_", "dropout", "feature_dropout", "alpha_dropout", "contiguous", "clone", "detach",
    "alias", "lift_fresh_copy", "add", "sub", "mul", "div", "add_", "sub_", "mul_", "div_",
    *pointwise.HANDLERS,
})  # fmt: skip
"""What understands a series as (batch, time, features)."""


def check(chain: Chain, call: Call) -> None:
    """Refuses what would take the time of (batch, time, features) for channels."""
    values = (chain.values[name] for name in call.reads if name in chain.values)
    orders = {value.time_first for value in values if len(value.torch_shape) > 1}
    if call.operator not in _TIME_FIRST and True in orders:
        chain.refuse(call, "on (batch, time, features) is not supported: put x.transpose(1, 2) in front of it")
    if len(orders) > 1:
        chain.refuse(call, "of (batch, time, features) with (batch, channels, time) is not supported: transpose one")


def recurrent(chain: Chain, call: Call, *, kind: type[Recurrent]) -> None:
    """aten.gru and aten.lstm: one operator for each layer."""
    if not call.flag("batch_first"):
        chain.refuse(call, "with batch_first=False is not supported: the batch must stay the first dimension")
    if call.flag("bidirectional"):
        chain.refuse(call, "in both directions is not supported: use bidirectional=False")
    if call.flag("train") and call.number("dropout", 0.0) > 0:
        chain.refuse(call, "drops out in training mode; call module.eval() before exporting")
    _check_first_state(chain, call)
    value = chain.value(call, "input")
    if len(value.torch_shape) != 2 or not value.time_first:
        chain.refuse(
            call, f"on samples of shape {value.torch_shape} is not supported: wanted (batch, time, features), for "
            "instance x.transpose(1, 2) of (batch, channels, time)"
        )  # fmt: skip
    layers = int(call.number("num_layers", 1))
    parameters = call.arguments.get("params")
    of_each = 4 if call.flag("has_biases") else 2
    if not isinstance(parameters, list) or len(parameters) != layers * of_each:
        found = len(parameters) if isinstance(parameters, list) else 0
        chain.refuse(call, f"with {found} parameters for {layers} layers is not supported: use proj_size=0")
    series: list[Value] = []
    for layer in range(layers):
        value = _layer(chain, call, kind, value, parameters[layer * of_each : (layer + 1) * of_each])
        series.append(value)
    chain.hidden[call.results[1]] = tuple(series)


def _layer(chain: Chain, call: Call, kind: type[Recurrent], value: Value, parameters: list[Ref]) -> Value:
    arguments = {f"params[{k}]": reference for k, reference in enumerate(parameters)}
    given = replace(call, arguments={**call.arguments, **arguments})
    from_input, from_state = chain.weight(given, "params[0]"), chain.weight(given, "params[1]")
    rows, units = from_state.shape
    time, channels = value.torch_shape
    if from_input.shape != (rows, channels) or rows != kind.gates * units or units < 1:
        raise chain.damaged(call, f"matrices {from_input.shape} and {from_state.shape} for {channels} features")
    bias = np.zeros((2, rows), np.float32)
    for k in range(2, len(parameters)):
        bias[k - 2] = chain.weight(given, f"params[{k}]")
    # Gates that only see sums take both biases with the input; gate n of a GRU scales that of the state.
    summed = rows - (units if kind is Gru else 0)
    bias[0, :summed] += bias[1, :summed]
    bias[1, :summed] = 0.0
    name = chain.name(given, kind.op, "params[0]")
    node = kind(
        name=name,
        inputs=(value.tensor,),
        output=name,
        from_input=_matrix(f"{name}.input", from_input, bias[0]),
        from_state=_matrix(f"{name}.state", from_state, bias[1]),
    )
    chain.append(call, node, (1, time, units), (time, units))
    chain.values[call.result] = replace(chain.values[call.result], time_first=True)
    return chain.values[call.result]


def _matrix(name: str, weight: np.ndarray, bias: np.ndarray) -> Linear:
    shape = (weight.shape[0], 1, 1, weight.shape[1])
    return Linear(name=name, inputs=(), output="", weight=weight.reshape(shape), bias=bias, dense_shape=shape)


def _check_first_state(chain: Chain, call: Call) -> None:
    states = call.arguments.get("hx")
    for state in states if isinstance(states, list) else [states]:
        if not isinstance(state, Ref) or state.name not in chain.zeros:
            chain.refuse(call, "with a first state of its own is not supported: leave it out (zeros)")


def zeros(chain: Chain, call: Call) -> None:
    """aten.zeros: the first state of a recurrent layer."""
    chain.zeros.add(call.result)


def per_position(chain: Chain, call: Call, value: Value, weight: np.ndarray, bias: np.ndarray, name: str) -> None:
    """A linear layer on each position of (batch, time, features): a convolution whose kernel is one position wide."""
    outputs, channels = weight.shape
    time = value.torch_shape[0]
    node = Conv(
        name=name, inputs=(value.tensor,), output=name, weight=weight.reshape(outputs, 1, 1, channels), bias=bias,
        dense_shape=(outputs, 1, 1, channels),
    )  # fmt: skip
    chain.append(call, node, (1, time, outputs), (time, outputs))
    chain.values[call.result] = replace(chain.values[call.result], time_first=True)


def swap(chain: Chain, call: Call) -> None:
    """transpose(1, 2) of a series: torch's view of it changes, but not how it is stored."""
    value = chain.value(call, "self")
    dims = call.arguments.get("dims", [call.arguments.get("dim0"), call.arguments.get("dim1")])
    rank = len(value.torch_shape) + 1
    given = [d % rank for d in dims] if isinstance(dims, list) and all(type(d) is int for d in dims) else []
    swaps = given == [0, 2, 1] if call.operator == "permute" else sorted(given) == [1, 2]
    if rank != 3 or not swaps:
        chain.refuse(call, f"of an activation is not supported to {dims}: only time and channels may change places")
    chain.values[call.result] = replace(value, torch_shape=value.torch_shape[::-1], time_first=not value.time_first)


def slice_all(chain: Chain, call: Call) -> None:
    """aten.slice of everything, as ``x[:, -1]`` has it of the batch."""
    value = chain.value(call, "self")
    dim = int(call.number("dim", 0)) % (len(value.torch_shape) + 1)
    size = value.torch_shape[dim - 1] if dim else 2**63 - 1
    start, end = (call.arguments.get(name) for name in ("start", "end"))
    whole = start in (None, 0) and (end is None or (isinstance(end, int) and end >= size))
    if not whole or call.number("step", 1) != 1:
        chain.refuse(call, f"from {start} to {end} of dimension {dim} is not supported: only all of it")
    chain.alias(call, value)


def select(chain: Chain, call: Call) -> None:
    """aten.select of one position of a series, or of one layer's final state."""
    reference, index = call.arguments.get("self"), int(call.number("index", 0))
    dim = call.arguments.get("dim")
    if isinstance(reference, Ref) and reference.name in chain.hidden:
        layers = chain.hidden[reference.name]
        if dim != 0 or not -len(layers) <= index < len(layers):
            chain.refuse(call, f"of element {index} of dimension {dim} of final states is not supported: take a layer")
        _position(chain, call, layers[index], -1)
        return
    value = chain.value(call, "self")
    time_dim = 1 if value.time_first else 2
    if len(value.torch_shape) != 2 or type(dim) is not int or dim % 3 != time_dim:
        chain.refuse(call, f"along dimension {dim} is not supported: only one position of a series")
    _position(chain, call, value, index)


def squeeze_states(chain: Chain, call: Call) -> bool:
    """Takes ``h_n.squeeze(0)`` of a single layer; False where ``call`` squeezes something else."""
    reference = call.arguments.get("self")
    if not isinstance(reference, Ref) or reference.name not in chain.hidden:
        return False
    layers = chain.hidden[reference.name]
    dims = call.arguments.get("dim")
    if len(layers) != 1 or dims not in (0, [0]):
        chain.refuse(call, f"of dimension {dims} of final states of {len(layers)} layers is not supported: h_n[-1]")
    _position(chain, call, layers[0], -1)
    return True


def _position(chain: Chain, call: Call, value: Value, index: int) -> None:
    time, channels = chain.tensors[value.tensor].shape
    if not -time <= index < time:
        raise chain.damaged(call, f"position {index} of {time}")
    first = index % time * channels
    name = chain.name(call, Select.op)
    node = Select(
        name=name, inputs=(value.tensor,), output=name, indices=np.arange(first, first + channels, dtype=np.int64)
    )
    chain.append(call, node, (1, 1, channels), (channels,))


HANDLERS: dict[str, Callable[[Chain, Call], None]] = {
    "gru": lambda chain, call: recurrent(chain, call, kind=Gru),
    "lstm": lambda chain, call: recurrent(chain, call, kind=Lstm),
    "zeros": zeros,
    "select": select,
    "slice": slice_all,
}
