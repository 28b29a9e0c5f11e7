"""ATen operators that take one number from many along any dimensions: mean, sum and maximum; ``HANDLERS``.

A tensor of any shape becomes a map of which a pooling takes windows: what is kept and what is reduced alternate in
memory, and kept-reduced-kept-reduced-kept is rows of windows of columns of windows of channels.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from tinybayes.frontend import layout
from tinybayes.frontend.chain import Chain, Value, channels_last
from tinybayes.frontend.program import Call
from tinybayes.ir import AveragePool, MaxPool, Node, Rearrange, Tensor

SUPPORTED = "mean, sum, amax and max over any dimensions but the batch"


@dataclass(frozen=True)
class _Map:
    """Sizes (height, width, channels) and the window (height, width) that reduces it; windows do not overlap."""

    hwc: tuple[int, int, int]
    window: tuple[int, int]

    @property
    def outputs(self) -> tuple[int, int, int]:
        return self.hwc[0] // self.window[0], self.hwc[1] // self.window[1], self.hwc[2]


def reduce(chain: Chain, call: Call, *, kind: str) -> None:
    """mean, sum, amax and max over ``dim``, with or without ``keepdim``."""
    value = layout.whole(chain, call, "self")
    shape = value.torch_shape
    reduced = _reduced(chain, call, len(shape))
    axes = tuple(range(len(shape))) if len(reduced) == len(shape) else layout.memory_axes(chain, value)
    if axes is None:
        value = chain.value(call, "self")
        axes = channels_last(tuple(range(len(shape))))
    folded = _as_map(chain, call, value, axes, reduced)
    name = chain.name(call, kind if kind == "sum" else f"{kind}_pool")
    source = _renamed(chain, call, value, folded)
    node: Node
    if kind == "max":
        node = MaxPool(name=name, inputs=(source,), output=name, window=folded.window, stride=folded.window)
    else:
        node = AveragePool(
            name=name, inputs=(source,), output=name, window=folded.window, stride=folded.window,
            divisor=1 if kind == "sum" else None,
        )  # fmt: skip
    chain.nodes.append(node)
    rank = len(chain.tensors[source].shape)
    chain.tensors[name] = Tensor(name, folded.outputs[3 - rank :])
    kept = [axis for axis in axes if axis not in reduced]
    outputs = np.arange(math.prod(folded.outputs), dtype=np.int64).reshape([shape[axis] for axis in kept])
    view = outputs.transpose(np.argsort(kept))
    keeps = call.flag("keepdim")
    result = tuple(1 if k in reduced else size for k, size in enumerate(shape) if keeps or k not in reduced)
    chain.values[call.result] = Value(name, result, view=view.reshape(result))


def _reduced(chain: Chain, call: Call, rank: int) -> set[int]:
    """The axes, the batch left out, that are reduced."""
    dims = call.arguments.get("dim")
    listed = dims if isinstance(dims, list) else [dims]
    given = [d % (rank + 1) for d in listed if type(d) is int and -rank - 1 <= d <= rank]
    if not given or len(given) != len(listed) or len(set(given)) != len(given) or 0 in given:
        chain.refuse(call, f"over dimensions {dims} is not supported: name dimensions behind the batch, from 1 on")
    return {d - 1 for d in given}


def _as_map(chain: Chain, call: Call, value: Value, axes: tuple[int, ...], reduced: set[int]) -> _Map:
    """The map whose windows are what is reduced: the tensor's own where it can be."""
    source = chain.tensors[value.tensor]
    own = tuple(value.torch_shape[axis] for axis in axes) == source.shape and len(source.shape) > 1
    if own and axes[-1] not in reduced:
        height, width, channels = source.hwc
        rows = len(axes) == 3 and axes[0] in reduced
        return _Map((height, width, channels), (height if rows else 1, width if axes[-2] in reduced else 1))
    parts: list[tuple[int, bool]] = []
    for axis in axes:
        size, taken = value.torch_shape[axis], axis in reduced
        if parts and parts[-1][1] == taken:
            parts[-1] = (parts[-1][0] * size, taken)
        elif size > 1:
            parts.append((size, taken))
    channels = _last(parts, taken=False)
    window_width = _last(parts, taken=True)
    width = _last(parts, taken=False) if len(parts) > 1 else 1
    window_height = _last(parts, taken=True)
    height = _last(parts, taken=False)
    if parts:
        given = f"{call.arguments['dim']} of (batch, {', '.join(map(str, value.torch_shape))})"
        chain.refuse(call, f"over dimensions {given} is not supported: reduce one dimension after the other")
    return _Map((height * window_height, width * window_width, channels), (window_height, window_width))


def _last(parts: list[tuple[int, bool]], *, taken: bool) -> int:
    """Takes the last part away, if it is of that kind: its size, else 1."""
    return parts.pop()[0] if parts and parts[-1][1] == taken else 1


def _renamed(chain: Chain, call: Call, value: Value, folded: _Map) -> str:
    """The tensor as the map, in the same memory order."""
    source = chain.tensors[value.tensor]
    if source.hwc == folded.hwc and len(source.shape) > 1:
        return value.tensor
    called = chain.name(call, Rearrange.op)
    chain.tensors[called] = Tensor(called, folded.hwc)
    positions = np.arange(source.elements, dtype=np.int64)
    chain.nodes.append(chain.rearranged(call, called, value, positions))
    return called


HANDLERS: dict[str, Callable[[Chain, Call], None]] = {
    "mean": partial(reduce, kind="average"),
    "sum": partial(reduce, kind="sum"),
    "amax": partial(reduce, kind="max"),
    "max": partial(reduce, kind="max"),
}
