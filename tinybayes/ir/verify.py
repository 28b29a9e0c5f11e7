"""Checks that a graph means something; run after every pass."""

import math
from collections.abc import Callable

import numpy as np

from tinybayes.errors import InternalError
from tinybayes.ir.functions import CLAMP, FUNCTIONS
from tinybayes.ir.graph import Graph
from tinybayes.ir.nodes import (
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
    Gru,
    Linear,
    Lstm,
    MacNode,
    MaxPool,
    MaxPoolSpans,
    Multiply,
    Node,
    Pointwise,
    Rearrange,
    Recurrent,
    Relu,
    Requantize,
    Select,
    Softmax,
    SpanPool,
)
from tinybayes.ir.requant import INT16_MAX, MAX_SUM_SHIFT, Requant
from tinybayes.ir.tensor import Tensor
from tinybayes.ir.verify_recurrent import check_recurrent

# Kernels subtract two accumulators to compare them without a branch, so their difference must fit 32 bits.
ACCUMULATOR_LIMIT = 2**30 - 1
MAX_DIVISORS = 256
"""Different sizes of the windows of one pooling, each with a multiplier of its own."""
SPAN_POSITIONS = 2**16 - 1
"""Rows, and columns, that windows which differ may lie in: where they begin and end is stored in 16 bits."""
SOFTMAX_CHANNELS = 2**16 - 1
"""Their exponentials, each at most 2**15, must sum to less than 2**31."""
_SCALES = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)  # the generated header has float32


def verify(graph: Graph) -> Graph:
    """Returns ``graph`` unchanged, or raises InternalError naming the node and what does not hold."""
    written = {graph.input}
    names: set[str] = set()
    _check(graph.output in graph.tensors, "graph", f"output {graph.output!r} is not a tensor")
    for node in graph.nodes:
        _check(node.name not in names, node.name, "name is used twice")
        names.add(node.name)
        for name in (*node.inputs, node.output):
            _check(name in graph.tensors, node.name, f"tensor {name!r} is unknown")
        for name in node.inputs:
            _check(name in written, node.name, f"tensor {name!r} is read before it is written")
        _check(node.output not in written, node.name, f"tensor {node.output!r} is written twice")
        written.add(node.output)
        sources, target = [graph.tensors[name] for name in node.inputs], graph.tensors[node.output]
        for tensor in (*sources, target):
            _check(tensor.is_integer == graph.is_integer, node.name, "mixes float and integer")
        _check(node.op in _CHECKS, node.name, f"operator {node.op!r} is unknown")
        least, most = node.arity
        _check(least <= len(sources) <= most, node.name, f"{len(sources)} inputs for an operator that takes {least}")
        _CHECKS[node.op](node, *sources, target)
    _check(graph.output in written, "graph", "the output is never written")
    if graph.is_integer:
        last = graph.nodes[-1].output if graph.nodes else graph.input
        _check(graph.output == last, "graph", f"the output is {graph.output!r}, but the last node writes {last!r}")
        for tensor in (graph.input_tensor, graph.output_tensor):
            _check(tensor.dtype == "int8", tensor.name, "the input and the output of a network are int8")
        for tensor in graph.tensors.values():
            _check(tensor.zero_point == 0, tensor.name, "zero points other than 0 are not supported")
            in_range = _SCALES[0] <= tensor.scale <= _SCALES[1]
            _check(in_range, tensor.name, f"scale {tensor.scale} is not positive within float32")
    return graph


def window_output(size: int, window: int, stride: int) -> int:
    """How many windows fit into ``size`` elements."""
    return (size - window) // stride + 1


def _check(holds: bool, where: str, what: str) -> None:
    if not holds:
        raise InternalError(f"{where}: {what}")


def _requant(node: Node, requant: Requant | None, channels: int, target: Tensor) -> None:
    if not target.is_integer:
        _check(requant is None, node.name, "a float node has a requantization")
        return
    if requant is None:
        raise InternalError(f"{node.name}: an integer node has no requantization")
    low, high = target.code_range
    _check(requant.multiplier.size in (1, channels), node.name, "one multiplier, or one for each channel")
    in_range = bool(np.all((requant.multiplier >= 1) & (requant.multiplier < 2**15)))
    _check(in_range, node.name, "multiplier not in 1..32767")
    _check(0 <= requant.pre_shift <= 24, node.name, f"pre_shift {requant.pre_shift} not in 0..24")
    _check(1 <= requant.post_shift <= 30, node.name, f"post_shift {requant.post_shift} not in 1..30")
    _check(low <= requant.low <= requant.high <= high, node.name, "clamp is wider than the output's dtype")


def _mac(node: MacNode, source: Tensor, target: Tensor) -> None:
    weight, bias = node.weight, node.bias
    _check(weight.ndim == 4 and bias.shape == (node.outputs,), node.name, f"weight {weight.shape}, bias {bias.shape}")
    _check(target.channels == node.outputs, node.name, f"{node.outputs} outputs for a tensor {target.shape}")
    _requant(node, node.requant, node.outputs, target)
    if not source.is_integer:
        _check(bool(np.isfinite(weight).all() and np.isfinite(bias).all()), node.name, "weights are not finite")
        return
    _check(weight.dtype == np.int8 and bias.dtype == np.int32, node.name, "weights are int8 and biases int32")
    _check(node.weight_scale is not None and node.weight_scale.size in (1, node.outputs), node.name, "weight scale")
    largest = max(abs(v) for v in source.code_range)
    bound = np.abs(node.matrix.astype(np.int64)).sum(axis=1) * largest + np.abs(bias.astype(np.int64))
    _check(int(bound.max(initial=0)) <= ACCUMULATOR_LIMIT, node.name, "the accumulator can exceed 30 bits")


def _linear(node: Linear, source: Tensor, target: Tensor) -> None:
    _mac(node, source, target)
    _check(len(source.shape) == 1 == len(target.shape), node.name, "a linear layer maps a vector to a vector")
    _check(node.matrix.shape[1] == source.elements, node.name, f"{node.matrix.shape[1]} columns for {source.elements}")


def _conv(node: Conv, source: Tensor, target: Tensor) -> None:
    _mac(node, source, target)
    _check(len(source.shape) == len(target.shape) > 1, node.name, "a convolution maps a map to a map of the same rank")
    _check(node.weight.shape[3] == source.channels, node.name, "input channels differ from the weight's")
    height, width, _ = source.hwc
    top, bottom, left, right = node.padding
    expected = (
        window_output(height + top + bottom, node.kernel[0], node.stride[0]),
        window_output(width + left + right, node.kernel[1], node.stride[1]),
    )
    _check(target.hwc[:2] == expected, node.name, f"output {target.hwc[:2]} where the kernel gives {expected}")


def _pool(node: MaxPool | AveragePool, source: Tensor, target: Tensor) -> None:
    expected = tuple(window_output(source.hwc[i], node.window[i], node.stride[i]) for i in (0, 1))
    _check(target.hwc == (*expected, source.channels), node.name, f"output {target.shape} for windows {expected}")


def _max_pool(node: MaxPool, source: Tensor, target: Tensor) -> None:
    _pool(node, source, target)
    _check((source.dtype, source.scale) == (target.dtype, target.scale), node.name, "a maximum keeps dtype and scale")


def _average_pool(node: AveragePool, source: Tensor, target: Tensor) -> None:
    _pool(node, source, target)
    _requant(node, node.requant, 1, target)
    if source.is_integer:
        largest = max(abs(v) for v in source.code_range) * node.window[0] * node.window[1]
        _check(largest <= ACCUMULATOR_LIMIT, node.name, "the sum of a window can exceed 30 bits")


def _spans(node: SpanPool, source: Tensor, target: Tensor) -> None:
    expected = (len(node.rows), len(node.columns), source.channels)
    _check(target.hwc == expected, node.name, f"output {target.shape} for {expected[:2]} windows")
    for spans, size in ((node.rows, source.hwc[0]), (node.columns, source.hwc[1])):
        _check(
            size <= SPAN_POSITIONS, node.name, f"windows that differ in {size} positions, more than {SPAN_POSITIONS}"
        )
        _check(all(0 <= start < stop <= size for start, stop in spans), node.name, f"windows beyond {size} positions")


def _max_pool_spans(node: MaxPoolSpans, source: Tensor, target: Tensor) -> None:
    _spans(node, source, target)
    _check((source.dtype, source.scale) == (target.dtype, target.scale), node.name, "a maximum keeps dtype and scale")


def _average_pool_spans(node: AveragePoolSpans, source: Tensor, target: Tensor) -> None:
    _spans(node, source, target)
    for counts, spans in ((node.row_counts, node.rows), (node.column_counts, node.columns)):
        _check(len(counts) == len(spans) and min(counts) >= 1, node.name, "one count, at least 1, for each window")
    different = len(set(node.row_counts)) * len(set(node.column_counts))
    _check(different <= MAX_DIVISORS, node.name, f"more than {MAX_DIVISORS} different sizes of windows")
    _requant(node, node.requant, different, target)
    if source.is_integer:
        largest = max(abs(v) for v in source.code_range) * node.largest_window
        _check(largest <= ACCUMULATOR_LIMIT, node.name, "the sum of a window can exceed 30 bits")


def _flatten(node: Flatten, source: Tensor, target: Tensor) -> None:
    _check(target.shape == (source.elements,), node.name, f"{source.shape} flattens to ({source.elements},)")
    _check((source.dtype, source.scale) == (target.dtype, target.scale), node.name, "flattening keeps dtype and scale")


def _select(node: Select, source: Tensor, target: Tensor) -> None:
    indices = node.indices
    inside = indices.size > 0 and int(indices[0]) >= 0 and int(indices[-1]) < source.elements
    _check(inside and bool(np.all(np.diff(indices) > 0)), node.name, "indices must ascend inside the input")
    _check(target.shape == (indices.size,), node.name, f"{indices.size} indices for {target.shape}")
    _check((source.dtype, source.scale) == (target.dtype, target.scale), node.name, "selection keeps dtype and scale")


def _batch_norm(node: BatchNorm, source: Tensor, target: Tensor) -> None:
    _check(node.multiplier.shape == node.offset.shape == (source.channels,), node.name, "one factor for each channel")
    _check(source.shape == target.shape, node.name, "shape changes")


def _relu(node: Relu, source: Tensor, target: Tensor) -> None:
    _check(source.shape == target.shape, node.name, "shape changes")


def _pointwise(node: Pointwise, source: Tensor, target: Tensor) -> None:
    _check(source.shape == target.shape, node.name, "shape changes")
    _check(node.function in FUNCTIONS, node.name, f"function {node.function!r} is unknown")
    names = FUNCTIONS[node.function].parameters
    _check(len(node.parameters) == len(names), node.name, f"parameters {node.parameters} for {names}")
    _check((node.table is not None) == target.is_integer, node.name, "integer networks have a table, others have none")
    if node.table is not None:
        _check(node.function != CLAMP, node.name, "a clamp belongs into a requantization")
        _check(node.table.shape == (256,) and node.table.dtype == np.int16, node.name, "a table has 256 codes, int16")
        low, high = target.code_range
        inside = low <= int(node.table.min()) and int(node.table.max()) <= high
        _check(inside, node.name, "a code of the table is beyond the output's dtype")


def _requantize(node: Requantize, source: Tensor, target: Tensor) -> None:
    _check(source.shape == target.shape, node.name, "shape changes")
    _check(target.is_integer, node.name, "only integer networks requantize")
    _requant(node, node.requant, 1, target)


def _softmax(node: Softmax, source: Tensor, target: Tensor) -> None:
    _check(source.shape == target.shape, node.name, "shape changes")
    table = node.exponentials
    _check((table is not None) == target.is_integer, node.name, "integer networks have a table, others have none")
    _check(source.channels <= SOFTMAX_CHANNELS, node.name, f"more than {SOFTMAX_CHANNELS} channels")
    if table is not None:
        _check(node.high == target.code_range[1], node.name, "probability 1 must be the largest code")
        _check(table.dtype == np.uint16 and 1 <= table.size <= 256, node.name, "a table has 1 to 256 entries, uint16")
        falls = int(table[0]) == 2**15 and bool(np.all(np.diff(table.astype(np.int64)) <= 0))
        _check(falls, node.name, "exponentials fall from 2**15")


def _argmax(node: ArgMax, source: Tensor, target: Tensor) -> None:
    _check(target.hwc == (*source.hwc[:2], 1), node.name, f"output {target.shape}, wanted one code for each position")
    if target.is_integer:
        _check(source.channels - 1 <= target.code_range[1], node.name, "more channels than codes")
        _check(target.scale == 1.0, node.name, "the code is the channel's number, so the scale is 1")


def spreads(a: Tensor, b: Tensor) -> bool:
    """Whether ``b`` has one element for each channel of ``a``, which is used at every position."""
    return b.hwc == (1, 1, a.channels) != a.hwc


def _element_by_element(node: Node, a: Tensor, b: Tensor, target: Tensor) -> None:
    _check(a.shape == target.shape, node.name, "shape changes")
    _check(b.shape == a.shape or spreads(a, b), node.name, f"shapes {a.shape} and {b.shape} do not match")


def _add(node: Add, a: Tensor, b: Tensor, target: Tensor) -> None:
    _element_by_element(node, a, b, target)
    _check(bool(np.isfinite(node.factors).all()), node.name, "factors are not finite")
    requant = node.requant
    _check((requant is not None) == target.is_integer, node.name, "integer nodes have a requantization, others none")
    if requant is not None:
        inside = requant.multipliers.shape == (2,) and int(np.abs(requant.multipliers.astype(np.int64)).max()) < 2**15
        _check(inside, node.name, f"wants two multipliers in -{INT16_MAX}..{INT16_MAX}")
        _check(1 <= requant.shift <= MAX_SUM_SHIFT, node.name, f"shift {requant.shift} not in 1..{MAX_SUM_SHIFT}")
        low, high = target.code_range
        _check(low <= requant.low <= requant.high <= high, node.name, "clamp is wider than the output's dtype")


def _multiply(node: Multiply, a: Tensor, b: Tensor, target: Tensor) -> None:
    _element_by_element(node, a, b, target)
    _requant(node, node.requant, 1, target)


def _concat(node: Concat, *tensors: Tensor) -> None:
    *sources, target = tensors
    _check(node.axis in range(3 - len(target.shape), 3), node.name, f"axis {node.axis} of a tensor {target.shape}")
    shapes = {(len(t.shape), *(size for axis, size in enumerate(t.hwc) if axis != node.axis)) for t in tensors}
    _check(len(shapes) == 1, node.name, "shapes differ along another axis")
    total = sum(source.hwc[node.axis] for source in sources)
    _check(total == target.hwc[node.axis], node.name, f"inputs sum to {total} for {target.shape}")
    if not target.is_integer:
        _check(node.requants == (), node.name, "a float node has a requantization")
        return
    _check(len(node.requants) == len(sources), node.name, "one requantization, or none, for each input")
    for source, requant in zip(sources, node.requants, strict=True):
        if requant is not None:
            _requant(node, requant, 1, target)
        else:
            same = (source.dtype, source.scale) == (target.dtype, target.scale)
            _check(same, node.name, "what is copied keeps dtype and scale")


def _affine(node: Affine, source: Tensor, target: Tensor) -> None:
    _check(source.shape == target.shape, node.name, "shape changes")
    _check(target.is_integer, node.name, "only integer networks have it")
    arrays = (node.multipliers, INT16_MAX), (node.offsets, 2**30)
    for values, largest in arrays:
        inside = values.shape == (source.channels,) and int(np.abs(values.astype(np.int64)).max()) <= largest
        _check(inside, node.name, f"wants one number in -{largest}..{largest} for each of {source.channels} channels")
    _check(1 <= node.shift <= MAX_SUM_SHIFT, node.name, f"shift {node.shift} not in 1..{MAX_SUM_SHIFT}")
    low, high = target.code_range
    _check(low <= node.low <= node.high <= high, node.name, "clamp is wider than the output's dtype")


def _constant_pad(node: ConstantPad, source: Tensor, target: Tensor) -> None:
    _check(min(*node.before, *node.behind) >= 0, node.name, f"pads {node.before} and {node.behind}")
    expected = tuple(a + size + b for a, size, b in zip(node.before, source.hwc, node.behind, strict=True))
    _check(
        target.hwc == expected and len(source.shape) == len(target.shape), node.name, f"{target.shape} is not padded"
    )
    _check(bool(np.isfinite(node.value)), node.name, "the value is not finite")
    if target.is_integer:
        low, high = target.code_range
        _check(low <= node.code <= high, node.name, f"code {node.code} beyond the output's dtype")
    if node.requant is not None or not target.is_integer:
        _requant(node, node.requant, 1, target)
    else:
        same = (source.dtype, source.scale) == (target.dtype, target.scale)
        _check(same, node.name, "what is copied keeps dtype and scale")


def _rearrange(node: Rearrange, source: Tensor, target: Tensor) -> None:
    _check(math.prod(node.sizes) == target.elements, node.name, f"loops {node.sizes} for a tensor {target.shape}")
    _check(min(node.sizes) > 0 and min(node.offset, *node.strides) >= 0, node.name, "loops go forward, at least once")
    last = node.offset + sum((size - 1) * stride for size, stride in zip(node.sizes, node.strides, strict=True))
    _check(last < source.elements, node.name, f"reads element {last} of {source.elements}")
    _check((source.dtype, source.scale) == (target.dtype, target.scale), node.name, "moving keeps dtype and scale")


def _recurrent(node: Recurrent, source: Tensor, target: Tensor) -> None:
    check_recurrent(node, source, target, _check, ACCUMULATOR_LIMIT)


_CHECKS: dict[str, Callable[..., None]] = {
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
    Softmax.op: _softmax,
    ArgMax.op: _argmax,
    Add.op: _add,
    Multiply.op: _multiply,
    Concat.op: _concat,
    Rearrange.op: _rearrange,
    ConstantPad.op: _constant_pad,
    Affine.op: _affine,
    MaxPoolSpans.op: _max_pool_spans,
    AveragePoolSpans.op: _average_pool_spans,
    Gru.op: _recurrent,
    Lstm.op: _recurrent,
}
