"""ATen operators that look at all channels of a position at once; ``HANDLERS`` is the list."""

from collections.abc import Callable
from dataclasses import replace

from tinybayes.frontend.chain import Chain, Value
from tinybayes.frontend.program import Call
from tinybayes.ir import ArgMax, Softmax

SUPPORTED = "softmax over channels or features; argmax over them at the end of a network"


def softmax(chain: Chain, call: Call) -> None:
    """aten.softmax and aten._softmax over dimension 1."""
    value = _over_channels(chain, call)
    name = chain.name(call, Softmax.op)
    node = Softmax(name=name, inputs=(value.tensor,), output=name)
    chain.append(call, node, chain.tensors[value.tensor].hwc, value.torch_shape)


def argmax(chain: Chain, call: Call) -> None:
    """aten.argmax over dimension 1: the number of the channel, or of the feature."""
    value = _over_channels(chain, call)
    if value.order is not None:
        chain.refuse(call, "over a flattened map is not supported: end with a linear layer")
    height, width, _ = chain.tensors[value.tensor].hwc
    name = chain.name(call, ArgMax.op)
    node = ArgMax(name=name, inputs=(value.tensor,), output=name)
    chain.append(call, node, (height, width, 1), (1, *value.torch_shape[1:]))
    if not call.flag("keepdim"):
        chain.values[call.result] = replace(chain.values[call.result], torch_shape=value.torch_shape[1:])


def log_softmax(chain: Chain, call: Call) -> None:
    """Refused: whoever wants the likeliest class does not need it."""
    chain.refuse(
        call,
        "is not supported: end the network before it, or with softmax; the class with the largest output is the same",
    )


def _over_channels(chain: Chain, call: Call) -> Value:
    value = chain.value(call, "self")
    rank = len(value.torch_shape) + 1
    dim = call.arguments.get("dim")
    if type(dim) is not int or dim % rank != 1:
        chain.refuse(call, f"over dimension {dim} is not supported: only over dimension 1, channels or features")
    return value


HANDLERS: dict[str, Callable[[Chain, Call], None]] = {
    **dict.fromkeys(("softmax", "_softmax"), softmax),
    **dict.fromkeys(("log_softmax", "_log_softmax"), log_softmax),
    "argmax": argmax,
}
