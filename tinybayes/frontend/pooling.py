"""ATen operators that pool positions: maximum, mean and sum; ``HANDLERS`` is the list."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes.frontend.chain import Chain, Value
from tinybayes.frontend.program import Call
from tinybayes.ir import AveragePool, AveragePoolSpans, MaxPool, MaxPoolSpans, Node
from tinybayes.ir.pools import Span
from tinybayes.ir.verify import MAX_DIVISORS, SPAN_POSITIONS, window_output

SUPPORTED = (
    "max_pool and avg_pool 1d and 2d (any stride, padding, ceil_mode and divisor; dilation=1); adaptive_avg_pool and "
    "adaptive_max_pool to any size; mean, sum, amax and max over any dimensions but the batch"
)


@dataclass(frozen=True)
class _Axis:
    """Windows along one axis of ``size`` positions: each (first position, behind the last), and what it counts for."""

    size: int
    spans: tuple[Span, ...]
    counts: tuple[int, ...]

    @property
    def even(self) -> tuple[int, int] | None:
        """(window, stride) where all windows have one size, count for it, and follow each other at one distance."""
        starts = [start for start, _ in self.spans]
        window = self.spans[0][1] - starts[0]
        stride = starts[1] - starts[0] if len(starts) > 1 else window
        expected = tuple((k * stride, k * stride + window) for k in range(len(starts)))
        same = stride > 0 and self.spans == expected and set(self.counts) == {window}
        return (window, stride) if same and window_output(self.size, window, stride) == len(starts) else None


def _even(size: int, window: int, stride: int, padding: int, *, ceil: bool, include_padding: bool) -> _Axis:
    """Windows of one size, as ATen/native/Pool.h has them: the last must begin inside the input or its front padding.

    A count includes the padding, but not what ceil_mode adds behind it.
    """
    count = max(0, -((size + 2 * padding - window) // -stride) if ceil else (size + 2 * padding - window) // stride) + 1
    if ceil and (count - 1) * stride >= size + padding:
        count -= 1
    spans, counts = [], []
    for start in range(-padding, -padding + count * stride, stride):
        stop = min(start + window, size + padding)
        inside = max(start, 0), min(stop, size)
        spans.append(inside)
        counts.append(stop - start if include_padding else inside[1] - inside[0])
    return _Axis(size, tuple(spans), tuple(counts))


def _adaptive(size: int, outputs: int) -> _Axis:
    """Windows that cover the input, as ATen/native/AdaptivePooling.h has them."""
    spans = tuple((k * size // outputs, -(-(k + 1) * size // outputs)) for k in range(outputs))
    return _Axis(size, spans, tuple(stop - start for start, stop in spans))


def _whole(size: int) -> _Axis:
    return _adaptive(size, 1)


def _each(size: int) -> _Axis:
    return _adaptive(size, size)


def pool(chain: Chain, call: Call, *, kind: str, dimensions: int) -> None:
    """Windows of one size, perhaps with padding."""
    value = _map(chain, call, dimensions)
    window = call.pair("kernel_size", (1, 1), dimensions)
    stride = call.pair("stride", window, dimensions)
    padding = call.pair("padding", (0, 0), dimensions)
    if dimensions == 1:
        stride = (1, stride[1])
    if call.pair("dilation", (1, 1), dimensions) != (1, 1):
        chain.refuse(call, f"with dilation={call.arguments['dilation']} is not supported: use dilation=1")
    ceil = call.flag("ceil_mode")
    include = kind == "average" and call.flag("count_include_pad", default=True)
    height, width, _ = chain.tensors[value.tensor].hwc
    sizes = (height, width)
    if min(*window, *stride) < 1 or any(2 * padding[i] > window[i] for i in (0, 1)):
        raise chain.damaged(call, f"window {window} with stride {stride} and padding {padding}")
    if any(sizes[i] + 2 * padding[i] < window[i] for i in (0, 1)):
        raise chain.damaged(call, f"its output would be empty: the window {window} is larger than its input {sizes}")
    rows, columns = (
        _even(sizes[i], window[i], stride[i], padding[i], ceil=ceil, include_padding=include) for i in (0, 1)
    )
    divisor = call.arguments.get("divisor_override")
    if divisor is not None:
        if type(divisor) is not int or not 1 <= divisor <= 2**16:
            chain.refuse(call, f"with divisor_override={divisor} is not supported: wanted 1 to 65536")
        rows = _Axis(height, rows.spans, (divisor,) * len(rows.spans))
        columns = _Axis(width, columns.spans, (1,) * len(columns.spans))
    _append(chain, call, value, kind, rows, columns)


def adaptive(chain: Chain, call: Call, *, kind: str, dimensions: int) -> None:
    """A given number of windows that cover the input."""
    value = _map(chain, call, dimensions)
    outputs = call.pair("output_size", (1, 1), dimensions)
    height, width, _ = chain.tensors[value.tensor].hwc
    if min(outputs) < 1 or max(outputs) > SPAN_POSITIONS:
        size = call.arguments.get("output_size")
        chain.refuse(call, f"to size {size} is not supported: wanted 1 to {SPAN_POSITIONS}")
    _append(chain, call, value, kind, _adaptive(height, outputs[0]), _adaptive(width, outputs[1]))


def over_dimensions(chain: Chain, call: Call, *, kind: str) -> None:
    """mean, sum, amax and max over dimensions behind the batch."""
    positions = chain.positions(call, "self")
    rank = positions.ndim + 1
    dims = call.arguments.get("dim")
    listed = dims if isinstance(dims, list) else [dims]
    gone = sorted({d % rank - 1 for d in listed if type(d) is int})
    if not gone or gone[0] < 0 or len(gone) != len(listed):
        chain.refuse(call, f"over dimensions {dims} is not supported: name dimensions behind the batch")
    keep = call.flag("keepdim")
    if gone[0] > 0 and (keep or gone == list(range(1, rank - 1))) and not chain.is_view(call, "self"):
        _over_positions(chain, call, kind, gone, keep=keep)
    else:
        _over_any(chain, call, kind, positions, gone, keep=keep)


def _over_positions(chain: Chain, call: Call, kind: str, gone: list[int], *, keep: bool) -> None:
    """All positions of a map, or all rows or columns of one."""
    value = chain.value(call, "self")
    height, width, _ = chain.tensors[value.tensor].hwc
    last = len(value.torch_shape) - 1
    rows = _whole(height) if last == 1 or 1 in gone else _each(height)
    columns = _whole(width) if last in gone else _each(width)
    if kind == "sum":
        rows, columns = _summed(rows), _summed(columns)
    _append(chain, call, value, kind, rows, columns)
    if not keep:
        chain.flatten(call, chain.values[call.result])


def _over_any(
    chain: Chain, call: Call, kind: str, positions: npt.NDArray[np.int64], gone: list[int], *, keep: bool
) -> None:
    """Any axes of a tensor whose elements lie at ``positions``.

    Those that go are the columns of a map, and those that stay its rows and channels: rows where they lie further apart
    in memory than what goes. So nothing has to be moved where the axes that go lie side by side.
    """
    stay = [axis for axis in range(positions.ndim) if axis not in gone]
    nearest = max(_stride(positions, axis) for axis in gone)
    outer = [axis for axis in stay if _stride(positions, axis) > nearest]
    inner = [axis for axis in stay if axis not in outer]
    columns, rows, channels = (math.prod(positions.shape[axis] for axis in axes) for axes in (gone, outer, inner))
    arranged = positions.transpose([*inner, *outer, *gone]).reshape(channels, rows, columns)
    whole = _whole(columns)
    _append(
        chain,
        call,
        chain.looked_at_so(call, "self", arranged),
        kind,
        _each(rows),
        _summed(whole) if kind == "sum" else whole,
    )
    shape = tuple(1 if axis in gone else size for axis, size in enumerate(positions.shape) if keep or axis in stay)
    lie = np.arange(rows * channels, dtype=np.int64).reshape([positions.shape[axis] for axis in (*outer, *inner)])
    lie = lie.transpose(np.argsort([*outer, *inner])).reshape(shape)
    found = chain.values[call.result]
    chain.values[call.result] = replace(found, torch_shape=shape, order=None, view=lie if shape else None)


def _summed(axis: _Axis) -> _Axis:
    """The axis with windows that are not divided by their size."""
    return _Axis(axis.size, axis.spans, (1,) * len(axis.spans))


def _stride(positions: npt.NDArray[np.int64], axis: int) -> int:
    """How far apart in memory neighbours along an axis lie; of an axis of one element 0."""
    first = np.moveaxis(positions, axis, 0).reshape(positions.shape[axis], -1)[:, 0]
    return abs(int(first[1] - first[0])) if len(first) > 1 else 0


def _map(chain: Chain, call: Call, dimensions: int) -> Value:
    value = chain.value(call, "self" if "self" in call.arguments else "input")
    if len(value.torch_shape) != dimensions + 1:
        chain.refuse(call, f"on samples of shape {value.torch_shape} is not supported")
    return value


def _append(chain: Chain, call: Call, value: Value, kind: str, rows: _Axis, columns: _Axis) -> None:
    channels = chain.tensors[value.tensor].channels
    name = chain.name(call, f"{kind}_pool" if kind != "sum" else kind)
    common: dict[str, Any] = {"name": name, "inputs": (value.tensor,), "output": name}
    even = rows.even, columns.even
    node: Node
    if even[0] is not None and even[1] is not None:
        one_size = MaxPool if kind == "max" else AveragePool
        node = one_size(**common, window=(even[0][0], even[1][0]), stride=(even[0][1], even[1][1]))
    elif max(rows.size, columns.size) > SPAN_POSITIONS:
        chain.refuse(
            call,
            f"over {rows.size} x {columns.size} positions is not supported with windows that differ: wanted at most "
            f"{SPAN_POSITIONS} in each direction, or windows of one size without padding",
        )
    elif kind == "max":
        node = MaxPoolSpans(**common, rows=rows.spans, columns=columns.spans)
    else:
        if len(set(rows.counts)) * len(set(columns.counts)) > MAX_DIVISORS:
            chain.refuse(call, f"with more than {MAX_DIVISORS} different sizes of windows is not supported")
        common |= {"row_counts": rows.counts, "column_counts": columns.counts}
        node = AveragePoolSpans(**common, rows=rows.spans, columns=columns.spans)
    hwc = (len(rows.spans), len(columns.spans), channels)
    torch_shape = (channels, hwc[1]) if len(value.torch_shape) == 2 else (channels, *hwc[:2])
    chain.append(call, node, hwc, torch_shape)


HANDLERS: dict[str, Callable[[Chain, Call], None]] = {
    "max_pool1d": partial(pool, kind="max", dimensions=1),
    "max_pool2d": partial(pool, kind="max", dimensions=2),
    "max_pool2d_with_indices": partial(pool, kind="max", dimensions=2),
    "avg_pool1d": partial(pool, kind="average", dimensions=1),
    "avg_pool2d": partial(pool, kind="average", dimensions=2),
    "adaptive_avg_pool1d": partial(adaptive, kind="average", dimensions=1),
    "adaptive_avg_pool2d": partial(adaptive, kind="average", dimensions=2),
    "_adaptive_avg_pool2d": partial(adaptive, kind="average", dimensions=2),
    "adaptive_max_pool1d": partial(adaptive, kind="max", dimensions=1),
    "adaptive_max_pool2d": partial(adaptive, kind="max", dimensions=2),
    "mean": partial(over_dimensions, kind="average"),
    "sum": partial(over_dimensions, kind="sum"),
    "amax": partial(over_dimensions, kind="max"),
    "max": partial(over_dimensions, kind="max"),
}
