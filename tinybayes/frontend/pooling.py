"""ATen operators that pool positions by windows: maximum and mean; ``HANDLERS`` is the list."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tinybayes.frontend.chain import Chain, Value
from tinybayes.frontend.program import Call
from tinybayes.ir import AveragePool, AveragePoolSpans, MaxPool, MaxPoolSpans, Node
from tinybayes.ir.pools import Span
from tinybayes.ir.verify import MAX_DIVISORS, SPAN_POSITIONS, window_output

SUPPORTED = (
    "max_pool and avg_pool 1d and 2d (any stride, padding, ceil_mode and divisor; dilation=1); adaptive_avg_pool and "
    "adaptive_max_pool to any size"
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


def _map(chain: Chain, call: Call, dimensions: int) -> Value:
    value = chain.value(call, "self" if "self" in call.arguments else "input")
    if len(value.torch_shape) != dimensions + 1:
        chain.refuse(call, f"on samples of shape {value.torch_shape} is not supported")
    return value


def _append(chain: Chain, call: Call, value: Value, kind: str, rows: _Axis, columns: _Axis) -> None:
    channels = chain.tensors[value.tensor].channels
    name = chain.name(call, f"{kind}_pool")
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
}
