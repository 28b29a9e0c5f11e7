"""ATen operators that look at all channels of a position at once; ``HANDLERS`` is the list."""

from collections.abc import Callable

from tinybayes.frontend import layout
from tinybayes.frontend.chain import Chain, Value
from tinybayes.frontend.program import Call
from tinybayes.ir import ArgMax, Softmax, Tensor

SUPPORTED = (
    "softmax over any dimension but the batch; argmax of at most 128 at the end of a network, and log_softmax in "
    "front of it"
)


def softmax(chain: Chain, call: Call) -> None:
    """aten.softmax and aten._softmax."""
    if _only_chooses(chain, call):
        chain.alias(call, layout.held(chain, call, "self"))
        return
    value = _over_channels(chain, call)
    name = chain.name(call, Softmax.op)
    layout.append_in_place(chain, call, Softmax(name=name, inputs=(value.tensor,), output=name), value)


def argmax(chain: Chain, call: Call) -> None:
    """aten.argmax: the number of the largest."""
    value = _over_channels(chain, call)
    if value.order is not None:
        chain.refuse(call, "over a flattened map is not supported: end with a linear layer")
    name = chain.name(call, ArgMax.op)
    chain.nodes.append(ArgMax(name=name, inputs=(value.tensor,), output=name))
    chain.tensors[name] = Tensor(name, (*chain.tensors[value.tensor].shape[:-1], 1))
    axis, shape = int(call.arguments["dim"]) % (len(value.torch_shape) + 1) - 1, value.torch_shape
    kept = (1,) if call.flag("keepdim") else ()
    chain.values[call.result] = Value(name, (*shape[:axis], *kept, *shape[axis + 1 :]))


def log_softmax(chain: Chain, call: Call) -> None:
    """Left out in front of argmax, else refused: whoever wants the likeliest class does not need it."""
    if _only_chooses(chain, call):
        chain.alias(call, layout.held(chain, call, "self"))
        return
    chain.refuse(
        call,
        "is not supported: end the network before it, or with softmax; the class with the largest output is the same",
    )


def _over_channels(chain: Chain, call: Call) -> Value:
    """The input, the dimension that the operator looks along as its channels."""
    rank = len(layout.held(chain, call, "self").torch_shape) + 1
    dim = call.arguments.get("dim")
    if type(dim) is not int or not -rank <= dim < rank or dim % rank == 0:
        chain.refuse(call, f"over dimension {dim} is not supported: name a dimension behind the batch, from 1 on")
    return layout.innermost(chain, call, "self", dim % rank - 1)


def _only_chooses(chain: Chain, call: Call) -> bool:
    """Whether nothing but argmax along the same dimension reads the result: its order is that of the input."""
    rank = len(chain.program.shapes.get(call.result) or ()) + 1
    dims = {call.arguments.get("dim")}
    readers = [other for other in chain.program.calls if call.result in other.reads]
    for other in readers:
        dims.add(other.arguments.get("dim") if other.operator == "argmax" else None)
    along = {dim % rank for dim in dims if type(dim) is int}
    return bool(readers) and None not in dims and len(along) == 1 and call.result != chain.program.output


HANDLERS: dict[str, Callable[[Chain, Call], None]] = {
    **dict.fromkeys(("softmax", "_softmax"), softmax),
    **dict.fromkeys(("log_softmax", "_log_softmax"), log_softmax),
    "argmax": argmax,
}
