"""ATen operators on series (batch, time, features): recurrent layers and what surrounds them; ``HANDLERS``."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinybayes.frontend import views
from tinybayes.frontend.chain import Chain, Value
from tinybayes.frontend.program import Call, Ref
from tinybayes.ir import Concat, Conv, Gru, Linear, Lstm, Recurrent

SUPPORTED = (
    "gru and lstm (the batch first or second, any number of layers, one or both directions, a first state of zeros), "
    "their series of states or h_n of one layer and direction; linear at each position of (batch, time, features)"
)


def recurrent(chain: Chain, call: Call, *, kind: type[Recurrent]) -> None:
    """aten.gru and aten.lstm: one operator for each layer and direction."""
    if call.flag("train") and call.number("dropout", 0.0) > 0:
        chain.refuse(call, "drops out in training mode; call module.eval() before exporting")
    _check_first_state(chain, call)
    is_second = chain.is_batch_second(call.arguments.get("input"))
    if is_second == call.flag("batch_first"):
        dimension = (
            "second dimension, so batch_first must be False"
            if is_second
            else ("first dimension. Use batch_first=True, or transpose(0, 1) before the layer and behind it")
        )
        chain.refuse(call, f"takes a tensor whose batch is the {dimension}")
    if not is_second and not is_series(chain, call):
        chain.value(call, "input")
        chain.refuse(call, "is supported only on (batch, time, features)")
    value = chain.in_torch_order(call, "input")
    layers, directions = int(call.number("num_layers", 1)), 2 if call.flag("bidirectional") else 1
    parameters = call.arguments.get("params")
    of_each = 4 if call.flag("has_biases") else 2
    if not isinstance(parameters, list) or len(parameters) != layers * directions * of_each:
        found = len(parameters) if isinstance(parameters, list) else 0
        chain.refuse(call, f"with {found} parameters for {layers} layers is not supported: use proj_size=0")
    final: list[Value] = []
    for layer in range(layers):
        written: list[Value] = []
        for direction in range(directions):
            start = (layer * directions + direction) * of_each
            series = _layer(chain, call, kind, value, parameters[start : start + of_each], backward=direction == 1)
            written.append(series)
            last = series.positions[0 if direction == 1 else -1]
            final.append(Value(series.tensor, last.shape, view=last))
        value = _side_by_side(chain, call, written) if directions == 2 else written[0]
    if is_second:
        chain.batch_second[call.result] = chain.values.pop(call.result)
    chain.hidden[call.results[1]] = tuple(final)


def _side_by_side(chain: Chain, call: Call, series: list[Value]) -> Value:
    """The features of both directions in one series."""
    time, units = series[0].torch_shape
    name = chain.name(call, Concat.op)
    node = Concat(name=name, inputs=tuple(value.tensor for value in series), output=name, axis=2)
    return chain.append_in_torch_order(call, node, (time, 2 * units))


def _layer(
    chain: Chain, call: Call, kind: type[Recurrent], value: Value, parameters: list[Ref], *, backward: bool
) -> Value:
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
        backward=backward,
    )
    return chain.append_in_torch_order(call, node, (time, units))


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


def is_series(chain: Chain, call: Call) -> bool:
    """Whether the input of ``call`` is computed and has the shape (batch, time, features)."""
    reference = call.arguments.get("input")
    return (
        isinstance(reference, Ref)
        and chain.is_computed(reference)
        and len(chain.values[reference.name].torch_shape) == 2
    )


def linear(chain: Chain, call: Call, bias: np.ndarray) -> None:
    """A linear layer at each position of (batch, time, features): a convolution whose kernel is one position wide."""
    value, weight = chain.in_torch_order(call, "input"), chain.weight(call)
    time, channels = value.torch_shape
    outputs = weight.shape[0]
    if weight.shape != (outputs, channels) or outputs < 1:
        raise chain.damaged(call, f"a weight of shape {weight.shape} for {channels} features")
    shape = (outputs, 1, 1, channels)
    name = chain.name(call, Linear.op, "weight")
    node = Conv(
        name=name, inputs=(value.tensor,), output=name, weight=weight.reshape(shape), bias=bias, dense_shape=shape
    )
    chain.append_in_torch_order(call, node, (time, outputs))


def select(chain: Chain, call: Call) -> None:
    """aten.select: of the final states of all layers, those of one."""
    layers = _final_states(chain, call)
    if layers is None:
        views.select(chain, call)
        return
    index = int(call.number("index", 0))
    if call.arguments.get("dim") != 0 or not -len(layers) <= index < len(layers):
        chain.refuse(call, "of final states is supported only of one layer, as h_n[-1]")
    chain.values[call.result] = layers[index]


def squeeze(chain: Chain, call: Call) -> None:
    """aten.squeeze: of the final states of a single layer, the dimension of the layers."""
    layers = _final_states(chain, call)
    if layers is None:
        views.squeeze(chain, call)
        return
    if len(layers) != 1 or call.arguments.get("dim") not in (0, [0]):
        chain.refuse(call, f"of final states of {len(layers)} layers is not supported: take one layer, as h_n[-1]")
    chain.values[call.result] = layers[0]


def _final_states(chain: Chain, call: Call) -> tuple[Value, ...] | None:
    reference = call.arguments.get("self")
    return chain.hidden.get(reference.name) if isinstance(reference, Ref) else None


def settle_output(chain: Chain, call: Call, name: str) -> None:
    """Brings the network's output into memory: channels last, but a series that lies there as in torch stays so."""
    value = chain.values[name]
    source = chain.tensors[value.tensor]
    same = value.torch_shape == source.shape and np.array_equal(value.positions.reshape(-1), np.arange(source.elements))
    if not (same and value.view is not None and len(source.shape) == 2):
        chain.settled(call, name)


HANDLERS: dict[str, Callable[[Chain, Call], None]] = {
    "gru": lambda chain, call: recurrent(chain, call, kind=Gru),
    "lstm": lambda chain, call: recurrent(chain, call, kind=Lstm),
    "zeros": zeros,
    "select": select,
    "squeeze": squeeze,
}
