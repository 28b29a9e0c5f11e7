"""Executes a network on numpy arrays: integer networks to the bit, float networks for calibration."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes.ir import (
    Add,
    Affine,
    ArgMax,
    AveragePool,
    AveragePoolSpans,
    BatchNorm,
    Concat,
    ConstantPad,
    Conv,
    Flatten,
    Graph,
    Gru,
    Linear,
    Lstm,
    MacNode,
    MaxPool,
    MaxPoolSpans,
    Multiply,
    Pointwise,
    Rearrange,
    Relu,
    Requantize,
    Select,
    Softmax,
    SpanPool,
)
from tinybayes.ir.functions import FUNCTIONS
from tinybayes.reference import joins
from tinybayes.reference.recurrent import recurrent
from tinybayes.reference.softmax import softmax

Array = npt.NDArray[Any]


def execute(graph: Graph, inputs: Array) -> dict[str, Array]:
    """Every tensor of ``graph`` for a batch.

    ``inputs`` has shape (samples, *input shape), int8 for an integer network, float32 for a float network (already
    scaled by the network's input scaling). Returns tensor name -> array (samples, *shape) of the tensor's dtype.
    """
    values: dict[str, Array] = {graph.input: inputs}
    for node in graph.nodes:
        target = graph.tensors[node.output]
        sources = (values[name].reshape(-1, *graph.tensors[name].hwc) for name in node.inputs)
        y = _KERNELS[node.op](node, *(x.astype(np.int64 if target.is_integer else np.float64) for x in sources))
        values[node.output] = y.reshape(-1, *target.shape).astype(target.dtype)
    return values


def quantize_input(graph: Graph, x: Array) -> npt.NDArray[np.int8]:
    """Real inputs (samples, *torch input shape), channels first, to int8 codes (samples, *input shape).

    Applies the input scaling in float32, then rounds half to even and saturates.
    """
    tensor = graph.input_tensor
    with np.errstate(over="ignore"):  # what overflows to infinity saturates below
        codes = np.rint(scaled_input(graph, x) / np.float32(tensor.scale))
    saturated: npt.NDArray[np.int8] = np.clip(codes, *tensor.code_range).astype(np.int8)
    return saturated


def scaled_input(graph: Graph, x: Array) -> npt.NDArray[np.float32]:
    """Inputs in torch's layout as float32 (samples, *input shape), channels last, input scaling applied."""
    real = channels_last(graph, x)
    if graph.input_scaling is None:
        return real
    return (real - graph.input_scaling.mean) / graph.input_scaling.std


def channels_last(graph: Graph, x: Array) -> npt.NDArray[np.float32]:
    """Inputs in torch's layout, channels first or last, as float32 (samples, ..., channels)."""
    real = np.asarray(x, dtype=np.float32)
    if real.ndim > 2 and not graph.channels_last_input:
        real = np.moveaxis(real, 1, -1)
    return np.ascontiguousarray(real).reshape(-1, *graph.input_tensor.shape)


def dequantize_output(graph: Graph, codes: Array) -> npt.NDArray[np.float32]:
    """Real outputs (samples, *output shape) for output codes."""
    tensor = graph.output_tensor
    return ((codes.astype(np.float32) - tensor.zero_point) * np.float32(tensor.scale)).astype(np.float32)


def _patches(x: Array, window: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Windows of (samples, height, width, channels): (samples, rows, columns, window height and width, channels)."""
    view: Array = np.lib.stride_tricks.sliding_window_view(x, window, axis=(1, 2))
    return view[:, :: stride[0], :: stride[1]].transpose(0, 1, 2, 4, 5, 3)


def _finish(node: MacNode | AveragePool, accumulator: Array) -> Array:
    return accumulator if node.requant is None else node.requant.apply(accumulator)


def _multiply(node: MacNode, patches: Array) -> Array:
    # Products of integers below 2**53 are exact in float64, where numpy has fast matrix products.
    flat = patches.reshape(*patches.shape[: patches.ndim - 3], -1).astype(np.float64)
    product = flat @ node.matrix.T.astype(np.float64)
    if node.requant is None:
        return product + node.bias
    return _finish(node, product.astype(np.int64) + node.bias.astype(np.int64))


def _linear(node: Linear, x: Array) -> Array:
    return _multiply(node, x)


def _conv(node: Conv, x: Array) -> Array:
    top, bottom, left, right = node.padding
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    return _multiply(node, _patches(padded, node.kernel, node.stride))


def _max_pool(node: MaxPool, x: Array) -> Array:
    largest: Array = _patches(x, node.window, node.stride).max(axis=(3, 4))
    return largest


def _average_pool(node: AveragePool, x: Array) -> Array:
    patches = _patches(x, node.window, node.stride)
    if node.requant is None:
        mean: Array = patches.sum(axis=(3, 4)) / node.divides_by
        return mean
    return _finish(node, patches.sum(axis=(3, 4)))


def _over_spans(node: SpanPool, x: Array, reduce: Callable[..., Array]) -> Array:
    """``reduce`` over the windows: over rows first, then over columns."""
    rows = np.stack([reduce(x[:, start:stop], axis=1) for start, stop in node.rows], axis=1)
    return np.stack([reduce(rows[:, :, start:stop], axis=2) for start, stop in node.columns], axis=2)


def _max_pool_spans(node: MaxPoolSpans, x: Array) -> Array:
    return _over_spans(node, x, np.max)


def _average_pool_spans(node: AveragePoolSpans, x: Array) -> Array:
    sums = _over_spans(node, x, np.sum)
    if node.requant is None:
        means: Array = sums / np.multiply.outer(np.array(node.row_counts), np.array(node.column_counts))[..., None]
        return means
    divisors = np.add.outer(node.row_classes * len(set(node.column_counts)), node.column_classes).reshape(-1)
    by_window = np.moveaxis(sums, 3, 1).reshape(len(sums), sums.shape[3], -1)
    codes = node.requant.take(divisors).apply(by_window)
    return np.moveaxis(codes.reshape(len(sums), sums.shape[3], *sums.shape[1:3]), 1, 3)


def _flatten(_node: Flatten, x: Array) -> Array:
    return x


def _select(node: Select, x: Array) -> Array:
    return x.reshape(x.shape[0], -1)[:, node.indices]


def _affine(node: Affine, x: Array) -> Array:
    codes: Array = np.clip((x * node.multipliers + node.offsets) >> node.shift, node.low, node.high)
    return codes


def _rearrange(node: Rearrange, x: Array) -> Array:
    return x.reshape(x.shape[0], -1)[:, node.positions]


def _batch_norm(node: BatchNorm, x: Array) -> Array:
    return x * node.multiplier + node.offset


def _relu(_node: Relu, x: Array) -> Array:
    return np.maximum(x, 0)


def _pointwise(node: Pointwise, x: Array) -> Array:
    if node.table is None:
        values: Array = FUNCTIONS[node.function].evaluate(x, *node.parameters)
        return values
    codes: Array = node.table[x & 0xFF]
    return codes


def _requantize(node: Requantize, x: Array) -> Array:
    return node.requant.apply(x)


def _argmax(_node: ArgMax, x: Array) -> Array:
    channels: Array = x.argmax(axis=-1)
    return channels


_KERNELS: dict[str, Callable[..., Array]] = {
    Linear.op: _linear,
    Conv.op: _conv,
    MaxPool.op: _max_pool,
    AveragePool.op: _average_pool,
    Flatten.op: _flatten,
    Select.op: _select,
    BatchNorm.op: _batch_norm,
    Relu.op: _relu,
    Pointwise.op: _pointwise,
    Requantize.op: _requantize,
    Softmax.op: softmax,
    ArgMax.op: _argmax,
    Add.op: joins.add,
    Multiply.op: joins.multiply,
    Concat.op: joins.concat,
    Rearrange.op: _rearrange,
    ConstantPad.op: joins.constant_pad,
    Affine.op: _affine,
    MaxPoolSpans.op: _max_pool_spans,
    AveragePoolSpans.op: _average_pool_spans,
    Gru.op: recurrent,
    Lstm.op: recurrent,
}
