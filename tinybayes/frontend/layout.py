"""How a tensor of torch lies in memory, and operators that can work on it as it lies, whatever its view."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tinybayes.frontend.chain import Chain, Value, channels_last
from tinybayes.frontend.program import Call, Ref
from tinybayes.ir import Node, Rearrange, Tensor

Positions = npt.NDArray[np.int64]


def held(chain: Chain, call: Call, argument: str) -> Value:
    """The tensor that ``call`` takes as ``argument``, as it is looked at: nothing is moved."""
    reference = call.arguments.get(argument)
    if not isinstance(reference, Ref) or not chain.is_computed(reference):
        return chain.value(call, argument)
    chain.positions(call, argument)
    return chain.values[reference.name]


def whole(chain: Chain, call: Call, argument: str) -> Value:
    """The same, where it has all elements of a tensor in memory, each once; else moved to a tensor of its own."""
    value = held(chain, call, argument)
    if value.view is None or is_whole(chain, value):
        return value
    return chain.value(call, argument)


def is_whole(chain: Chain, value: Value) -> bool:
    """Whether ``value`` has all elements of its tensor, each once."""
    elements = chain.tensors[value.tensor].elements
    positions = value.positions.reshape(-1)
    return positions.size == elements and bool(np.array_equal(np.sort(positions), np.arange(elements)))


def memory_axes(chain: Chain, value: Value) -> tuple[int, ...] | None:
    """Torch's axes (the batch left out) in the order of memory, the outermost first; None where there is none.

    An axis of size 1 may stand anywhere: where it stands in the tensor's own shape, if possible.
    """
    shape, positions, source = value.torch_shape, value.positions, chain.tensors[value.tensor]
    axes = tuple(range(len(shape)))
    first = int(positions.flat[0])
    by_stride = sorted(axes, key=lambda k: -int(positions.take(min(1, shape[k] - 1), k).flat[0] - first))
    lone_first = sorted(by_stride, key=lambda k: shape[k] > 1)
    orders = [channels_last(axes), axes, tuple(lone_first)]
    fitting = [order for order in orders if _ascends(positions.transpose(order), source.elements)]
    own = (order for order in fitting if tuple(shape[k] for k in order) == source.shape)
    return next(own, fitting[0] if fitting else None)


def _ascends(positions: Positions, elements: int) -> bool:
    return positions.size == elements and bool(np.array_equal(positions.reshape(-1), np.arange(elements)))


def innermost(chain: Chain, call: Call, argument: str, axis: int) -> Value:
    """The tensor that ``call`` takes as ``argument``, with torch's ``axis`` (the batch left out) as its channels.

    Where it does not lie so, it is moved.
    """
    value = whole(chain, call, argument)
    if value.order is not None:
        return value
    axes = memory_axes(chain, value)
    if axes and axes[-1] == axis and chain.tensors[value.tensor].channels == value.torch_shape[axis]:
        return value
    if axis == 0 or not 1 < len(value.torch_shape) < 4:
        return chain.value(call, argument)
    positions = np.moveaxis(value.positions, axis, -1)
    called = chain.name(call, Rearrange.op)
    chain.tensors[called] = Tensor(called, positions.shape)
    chain.nodes.append(chain.rearranged(call, called, value, positions.reshape(-1)))
    view = np.moveaxis(np.arange(positions.size, dtype=np.int64).reshape(positions.shape), -1, axis)
    return Value(called, value.torch_shape, view=view)


def append_in_place(chain: Chain, call: Call, node: Node, value: Value) -> None:
    """Adds ``node``, which reads ``value`` and writes each element where it has read it."""
    chain.tensors[node.output] = Tensor(node.output, chain.tensors[value.tensor].shape)
    chain.nodes.append(node)
    chain.values[call.result] = replace(value, tensor=node.output)


def alike(chain: Chain, first: object, second: object) -> bool:
    """Whether two arguments are computed tensors of which equal elements lie at equal places, under views."""
    if not isinstance(first, Ref) or not isinstance(second, Ref):
        return False
    a, b = chain.values.get(first.name), chain.values.get(second.name)
    if a is None or b is None or a.view is None or b.view is None:
        return False
    same_memory = chain.tensors[a.tensor].shape == chain.tensors[b.tensor].shape
    return same_memory and np.array_equal(a.view, b.view) and is_whole(chain, a)
