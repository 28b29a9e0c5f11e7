"""ATen operators on several tensors; ``HANDLERS`` is the list."""

import math
from collections.abc import Callable

import numpy as np

from tinybayes.frontend import layout
from tinybayes.frontend.chain import Chain, Value
from tinybayes.frontend.program import Call
from tinybayes.ir import Add, Concat, ConstantPad, Multiply, Node
from tinybayes.ir.verify import spreads

SUPPORTED = (
    "add, sub and mul of two tensors whose shapes are the same, or 1 where they differ; cat along any dimension but "
    "the batch; pad with a constant"
)


def add(chain: Chain, call: Call) -> None:
    """aten.add and aten.sub of two computed tensors: ``self + alpha * other``."""
    a, b = _operands(chain, call)
    alpha = call.number("alpha", 1)
    factors = (1.0, -alpha if call.operator.startswith("sub") else alpha)
    if _spreads(chain, b, a):
        a, b, factors = b, a, factors[::-1]
    name = chain.name(call, Add.op)
    _append(chain, call, Add(name=name, inputs=(a.tensor, b.tensor), output=name, factors=factors), a, b)


def multiply(chain: Chain, call: Call) -> None:
    """aten.mul of two computed tensors."""
    a, b = _operands(chain, call)
    if _spreads(chain, b, a):
        a, b = b, a
    name = chain.name(call, Multiply.op)
    _append(chain, call, Multiply(name=name, inputs=(a.tensor, b.tensor), output=name), a, b)


def _operands(chain: Chain, call: Call) -> tuple[Value, Value]:
    """Both tensors; one that is repeated along some axes is written out, but for one value for each channel.

    Where both lie in the same order, whatever it is, they stay as they are.
    """
    if layout.alike(chain, call.arguments.get("self"), call.arguments.get("other")):
        return layout.held(chain, call, "self"), layout.held(chain, call, "other")
    shapes = [chain.positions(call, argument).shape for argument in ("self", "other")]
    common = tuple(map(max, zip(*shapes, strict=False)))
    fit = len(shapes[0]) == len(shapes[1]) and all(
        size in (1, whole) for shape in shapes for size, whole in zip(shape, common, strict=False)
    )

    def operand(argument: str, shape: tuple[int, ...]) -> Value:
        each_channel = len(shape) > 1 and shape == (common[0], *(1 for _ in shape[1:])) and common in shapes
        if not fit or shape == common or each_channel:
            return chain.value(call, argument)
        positions = np.broadcast_to(chain.positions(call, argument), common)
        return chain.looked_at_so(call, argument, positions)

    return operand("self", shapes[0]), operand("other", shapes[1])


def _spreads(chain: Chain, a: Value, b: Value) -> bool:
    """Whether ``b`` holds one value for each channel of the map ``a``."""
    same_rank = len(a.torch_shape) == len(b.torch_shape) > 1
    return same_rank and spreads(chain.tensors[a.tensor], chain.tensors[b.tensor])


def _append(chain: Chain, call: Call, node: Node, a: Value, b: Value) -> None:
    if a.torch_shape != b.torch_shape and not _spreads(chain, a, b):
        chain.refuse(
            call,
            f"of (batch, {_shape(a)}) and (batch, {_shape(b)}) is not supported: the shapes must be the same, or "
            "have sizes of 1 where they differ",
        )
    if not _same_order(a, b):
        chain.refuse(call, "of a flattened map and another vector is not supported: join them before flattening")
    layout.append_in_place(chain, call, node, a)


def concat(chain: Chain, call: Call) -> None:
    """aten.cat along channels or positions."""
    listed = call.arguments.get("tensors")
    if not isinstance(listed, list) or not listed:
        raise chain.damaged(call, "has no list of tensors")
    values = [chain.computed(call, "tensors", reference) for reference in listed]
    rank = len(values[0].torch_shape) + 1
    dim = int(call.number("dim", 0)) % rank
    if dim == 0:
        chain.refuse(call, "along the batch is not supported")
    if len(values) == 1:
        chain.alias(call, values[0])
        return
    if any(value.order is not None for value in values):
        chain.refuse(call, "of flattened maps is not supported: join them before flattening")
    axis = _axis(rank, dim)
    sizes = [chain.tensors[value.tensor].hwc for value in values]
    rest = {(len(v.torch_shape), *size[:axis], *size[axis + 1 :]) for v, size in zip(values, sizes, strict=True)}
    if len(rest) != 1:
        raise chain.damaged(call, f"tensors of the shapes {[value.torch_shape for value in values]}")
    total = sum(size[axis] for size in sizes)
    hwc = tuple(total if k == axis else sizes[0][k] for k in range(3))
    shape = tuple(total if k == dim - 1 else size for k, size in enumerate(values[0].torch_shape))
    name = chain.name(call, Concat.op)
    node = Concat(name=name, inputs=tuple(value.tensor for value in values), output=name, axis=axis)
    chain.append(call, node, (hwc[0], hwc[1], hwc[2]), shape)


def constant_pad(chain: Chain, call: Call) -> None:
    """aten.pad with a constant, and aten.constant_pad_nd: (left, right) of the last dimension first."""
    value = chain.value(call, "self" if "self" in call.arguments else "input")
    if call.arguments.get("mode", "constant") != "constant":
        chain.refuse(call, f"with mode={call.arguments['mode']!r} is not supported: only 'constant'")
    filled = 0.0 if call.arguments.get("value") is None else call.number("value", 0.0)
    sides = call.arguments.get("pad")
    rank = len(value.torch_shape) + 1
    if not isinstance(sides, list) or len(sides) % 2 or any(type(s) is not int or s < 0 for s in sides):
        chain.refuse(call, f"by {sides} is not supported: wanted pairs of sizes that are not negative")
    if len(sides) >= 2 * rank or not math.isfinite(filled) or value.order is not None:
        chain.refuse(call, f"by {sides} with {filled} is not supported: of channels and positions, a finite value")
    before, behind = [0, 0, 0], [0, 0, 0]
    for number, (left, right) in enumerate(zip(sides[::2], sides[1::2], strict=True)):
        axis = _axis(rank, rank - 1 - number)
        before[axis], behind[axis] = left, right
    height, width, channels = (
        a + size + b for a, size, b in zip(before, chain.tensors[value.tensor].hwc, behind, strict=True)
    )
    shape = {1: (channels,), 2: (channels, width), 3: (channels, height, width)}[len(value.torch_shape)]
    name = chain.name(call, "pad")
    node = ConstantPad(
        name=name, inputs=(value.tensor,), output=name, value=filled, before=(before[0], before[1], before[2]),
        behind=(behind[0], behind[1], behind[2]),
    )  # fmt: skip
    chain.append(call, node, (height, width, channels), shape)


def _axis(rank: int, dim: int) -> int:
    """The axis of (height, width, channels) that is dimension ``dim`` of a tensor of torch with ``rank`` dimensions."""
    return 2 if dim == 1 else 2 - (rank - dim)


def _same_order(a: Value, b: Value) -> bool:
    if a.order is None or b.order is None:
        return a.order is b.order
    return bool(np.array_equal(a.order, b.order))


def _shape(value: Value) -> str:
    return ", ".join(map(str, value.torch_shape))


HANDLERS: dict[str, Callable[[Chain, Call], None]] = {
    **dict.fromkeys(("cat", "concat", "concatenate"), concat),
    **dict.fromkeys(("pad", "constant_pad_nd"), constant_pad),
}
