"""Float network -> integer network."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tinybayes.errors import InternalError, LimitError, UnsupportedError, UserError
from tinybayes.ir import (
    ArgMax,
    AveragePool,
    AveragePoolSpans,
    Graph,
    MacNode,
    Node,
    Pointwise,
    Requantize,
    Softmax,
    Tensor,
)
from tinybayes.ir.functions import FUNCTIONS
from tinybayes.ir.requant import INT16_MAX, Requant
from tinybayes.ir.tensor import DType
from tinybayes.ir.verify import ACCUMULATOR_LIMIT
from tinybayes.passes.calibrate import Statistics, calibrate, check_calibration
from tinybayes.passes.chains import Run, clamp_of, refuse_empty_layers, runs
from tinybayes.passes.requantize import choose_pre_shift, choose_requant
from tinybayes.passes.tables import exponentials, input_values, table_codes
from tinybayes.passes.weights import WEIGHT_MAX, narrow_bias, quantize_weight

Real = npt.NDArray[np.float64]

BIAS_BITS = (8, 16, 32)
# An accumulator this many times beyond all that calibration has shown is clamped before its code is.
_HEADROOM = 4.0


@dataclass(frozen=True)
class _Grid:
    """The codes of a run's tensors."""

    dtype: DType
    scale: float
    low: int
    high: int

    @property
    def largest_code(self) -> int:
        """The code to which the largest values are clamped."""
        return max(self.high, -self.low - 1)

    @property
    def largest_stored_code(self) -> int:
        """The largest magnitude that the dtype holds: what bounds on accumulators assume."""
        return 255 if self.dtype == "uint8" else 128


_PROBABILITIES = _Grid("uint8", float(np.float32(1 / 255)), 0, 255)


def quantize(
    graph: Graph,
    calibration: npt.NDArray[np.floating] | None,
    *,
    bias_bits: int = 16,
    per_channel: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Graph:
    """The integer network for the float network ``graph`` (BatchNorm folded).

    ``calibration``: real inputs (samples, *torch input shape), float. ReLUs become the lower clamp of the layer before
    them. Activation scales clip where the mean squared error over the calibration data is least; the output is not
    clipped. Weights have a scale for each output channel, or with ``per_channel=False`` one for each layer. Every bias
    equals an integer of ``bias_bits`` bits (8, 16 or 32) shifted left by one shift a layer.
    ``progress`` is called with (samples done, samples).

    Raises UserError for missing or wrong calibration data and for a layer without weights, LimitError for a layer whose
    accumulator could leave 30 bits.
    """
    if bias_bits not in BIAS_BITS:
        raise UserError(f"bias_bits: got {bias_bits}; wanted one of {', '.join(map(str, BIAS_BITS))}")
    data = check_calibration(graph, calibration)
    refuse_empty_layers(graph)
    chain = runs(graph)
    layers = [node.output for node in graph.mac_nodes]
    statistics = calibrate(graph, data, (run.tensors[-1] for run in chain), layers, progress)
    tensors: dict[str, Tensor] = {}
    nodes: list[Node] = []
    source = _Grid("int8", 1.0, -128, 127)
    for run in chain:
        grid = _grid(graph, run, source, statistics)
        node = run.producer
        reads = (nodes[-1].output if nodes else graph.input,)
        if isinstance(node, MacNode):
            nodes.append(
                _mac(replace(node, inputs=reads), source, grid, statistics, bias_bits, per_channel=per_channel)
            )
        elif isinstance(node, AveragePool):
            nodes.append(_average_pool(replace(node, inputs=reads), source, grid))
        elif isinstance(node, AveragePoolSpans):
            nodes.append(_average_pool_spans(replace(node, inputs=reads), source, grid))
        elif node is not None and clamp_of(node) is not None:
            requant = _rescaling(source, grid)
            nodes.append(Requantize(name=node.name, inputs=reads, output=node.output, requant=requant))
        elif isinstance(node, Pointwise):
            nodes.append(_pointwise(replace(node, inputs=reads), source, grid))
        elif isinstance(node, Softmax):
            table = exponentials(source.scale)
            nodes.append(replace(node, inputs=reads, exponentials=table, high=grid.high))
        elif isinstance(node, ArgMax):
            nodes.append(replace(node, inputs=reads))
        elif node is not None:
            raise InternalError(f"{node.name}: {node.op} cannot be quantized")
        nodes.extend(_passing(run))
        for name in run.tensors:
            tensors[name] = replace(graph.tensors[name], dtype=grid.dtype, scale=grid.scale, zero_point=0)
        source = grid
    output = nodes[-1].output if nodes else graph.input
    return replace(graph, output=output).with_nodes(nodes, tensors)


def _passing(run: Run) -> list[Node]:
    """The operators of a run without its clamps, each reading what the one before it writes."""
    current = run.tensors[0]
    kept: list[Node] = []
    for node in run.passing:
        if clamp_of(node) is None:
            kept.append(replace(node, inputs=(current,)))
            current = node.output
    return kept


def _grid(graph: Graph, run: Run, source: _Grid, statistics: Statistics) -> _Grid:
    is_output = graph.output in run.tensors
    if isinstance(run.producer, Softmax):
        return _Grid("int8", float(np.float32(1 / 127)), 0, 127) if is_output else _PROBABILITIES
    if isinstance(run.producer, ArgMax):
        return _classes(graph, run.producer)
    low, high = run.clamp
    positive = low >= 0 or _is_positive(run.producer, source)
    wide = positive and not is_output
    codes = 255 if wide else 127
    histogram = statistics.histograms[run.tensors[-1]]
    if histogram.largest > 0:
        bound = histogram.largest if is_output else histogram.clip(codes)
    elif run.producer is None:
        raise UserError("calibration data: every value is zero after input scaling; wanted typical inputs")
    else:
        # Nothing lives here during calibration: any scale is right for it.
        bound = max(_largest(run, source), float(np.finfo(np.float32).eps))
    scale = float(np.float32(bound / codes))
    if not np.isfinite(scale) or scale < float(np.finfo(np.float32).tiny):
        raise UserError(
            f"layer {run.name!r}: its activations reach {bound:g}, which has no 8-bit scale; scale the network"
        )
    lowest = 0 if positive else -128
    # A clamp that lies beyond the grid is the grid's own; infinite bounds are, too.
    least, most = (int(np.clip(np.rint(bound / scale), lowest, codes)) for bound in (low, high))
    return _Grid("uint8" if wide else "int8", scale, least, most)


def _classes(graph: Graph, node: ArgMax) -> _Grid:
    """The grid of class numbers. Raises UnsupportedError where there are too many, or something reads them."""
    channels = graph.tensors[node.input].channels
    if graph.output != node.output or channels > 128:
        raise UnsupportedError(
            f"layer {node.name!r}: argmax of {channels} channels is supported only at the end of a network, and of at "
            "most 128, because the output is int8: end the network before it, and compare the outputs yourself"
        )
    return _Grid("int8", 1.0, 0, 127)


def _is_positive(producer: Node | None, source: _Grid) -> bool:
    """Whether nothing below zero comes out of a layer, whatever its weights are."""
    if isinstance(producer, Pointwise) and clamp_of(producer) is None:
        return bool((FUNCTIONS[producer.function].evaluate(_values(source), *producer.parameters) >= 0).all())
    return isinstance(producer, AveragePool | AveragePoolSpans) and source.low >= 0


def _largest(run: Run, source: _Grid) -> float:
    """A bound on what the run's producer can put out."""
    values = source.scale * source.largest_stored_code
    if isinstance(run.producer, AveragePoolSpans):
        return values * run.producer.largest_window / int(run.producer.divisors.min())
    if isinstance(run.producer, MacNode):
        return float((np.abs(run.producer.matrix).sum(axis=1) * values + np.abs(run.producer.bias)).max())
    if isinstance(run.producer, Pointwise):
        found = FUNCTIONS[run.producer.function].evaluate(_values(source), *run.producer.parameters)
        return float(np.abs(found).max())
    return values


def _values(source: _Grid) -> Real:
    return input_values(source.dtype, source.scale)


def _mac(
    node: MacNode, source: _Grid, grid: _Grid, statistics: Statistics, bias_bits: int, *, per_channel: bool
) -> MacNode:
    up, down = statistics.peaks[node.output]
    peak = _HEADROOM * np.maximum(up, down if grid.low < 0 else 0.0)
    weight, weight_scale = quantize_weight(
        node.weight, _least_scales(node, source, grid, peak), per_channel=per_channel
    )
    unit = weight_scale * source.scale
    exact_bias = node.bias.astype(np.float64) / unit
    products = np.abs(weight.reshape(node.outputs, -1).astype(np.int64)).sum(axis=1) * float(source.largest_stored_code)
    bound = products + np.abs(exact_bias)
    ratio = unit / grid.scale
    reach = np.minimum(bound, peak / unit)
    pre_shift = choose_pre_shift(ratio, reach, grid.largest_code)
    if np.any(exact_bias != 0) and pre_shift > 0:
        # The pre-shift rounds down; half a unit in the bias makes it round to nearest at no cost.
        exact_bias = exact_bias + 2.0 ** (pre_shift - 1)
    bias = narrow_bias(exact_bias, bias_bits)
    largest = float((products + np.abs(bias)).max())
    if not largest <= ACCUMULATOR_LIMIT:
        raise LimitError(
            f"layer {node.name!r}: its accumulator can reach {largest:.3g}, more than the {ACCUMULATOR_LIMIT} that "
            "fit; the layer "
            f"has {node.matrix.shape[1]} inputs an output and a bias up to {float(np.abs(node.bias).max()):.3g}: "
            "make it smaller"
        )
    return replace(
        node,
        weight=weight,
        bias=bias.astype(np.int32),
        weight_scale=weight_scale,
        requant=choose_requant(ratio, pre_shift, grid.low, grid.high),
    )


def _least_scales(node: MacNode, source: _Grid, grid: _Grid, peak: Real) -> Real:
    """The smallest weight scale of each channel that does not cost the other channels more than one bit.

    All channels share a pre-shift. A channel with small weights and a large bias would have an accumulator so large
    that the channels with large weights would be left with few bits.
    """
    largest = float(np.abs(node.weight).max()) / WEIGHT_MAX
    pre_shift = choose_pre_shift(np.array([largest * source.scale / grid.scale]), np.array([np.inf]), grid.largest_code)
    least: Real = np.minimum((grid.largest_code + 0.5) * grid.scale, peak) / (
        source.scale * INT16_MAX * 2.0 ** (pre_shift + 1)
    )
    return least


def _pointwise(node: Pointwise, source: _Grid, grid: _Grid) -> Pointwise:
    table = table_codes(node.function, node.parameters, source.dtype, source.scale, grid.scale, (grid.low, grid.high))
    return replace(node, table=table)


def _rescaling(source: _Grid, grid: _Grid) -> Requant:
    """From the codes of one grid to those of another."""
    ratio = np.array([source.scale / grid.scale])
    pre_shift = choose_pre_shift(ratio, np.array([float(source.largest_stored_code)]), grid.largest_code)
    return choose_requant(ratio, pre_shift, grid.low, grid.high)


def _average_pool(node: AveragePool, source: _Grid, grid: _Grid) -> AveragePool:
    positions = node.window[0] * node.window[1]
    return replace(node, requant=_mean(node, positions, np.array([positions]), source, grid))


def _average_pool_spans(node: AveragePoolSpans, source: _Grid, grid: _Grid) -> AveragePoolSpans:
    return replace(node, requant=_mean(node, node.largest_window, node.divisors, source, grid))


def _mean(node: Node, positions: int, divisors: npt.NDArray[np.int64], source: _Grid, grid: _Grid) -> Requant:
    """Divides sums of the codes of at most ``positions`` by each of ``divisors``."""
    largest = positions * source.largest_stored_code
    if largest > ACCUMULATOR_LIMIT:
        raise LimitError(
            f"layer {node.name!r}: the sum of {positions} codes does not fit the accumulator: pool in two steps"
        )
    ratio = source.scale / (divisors.astype(np.float64) * grid.scale)
    pre_shift = choose_pre_shift(ratio, np.array([float(largest)]), grid.largest_code)
    return choose_requant(ratio, pre_shift, grid.low, grid.high)
