"""Float network -> integer network."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tinybayes.errors import InternalError, LimitError, UnsupportedError, UserError
from tinybayes.ir import (
    Add,
    Affine,
    ArgMax,
    AveragePool,
    AveragePoolSpans,
    BatchNorm,
    Concat,
    ConstantPad,
    Graph,
    MacNode,
    Multiply,
    Node,
    Pointwise,
    Recurrent,
    Requantize,
    Softmax,
    Tensor,
)
from tinybayes.ir.functions import FUNCTIONS
from tinybayes.ir.requant import INT16_MAX, Requant
from tinybayes.ir.tensor import DType
from tinybayes.ir.verify import ACCUMULATOR_LIMIT
from tinybayes.passes.calibrate import Statistics, calibrate, check_calibration
from tinybayes.passes.chains import CLAMPED, Run, clamp_of, readers, refuse_empty_layers, runs
from tinybayes.passes.quantize_recurrent import (
    Bits,
    Operand,
    check_recurrent_bits,
    joined_reaches,
    output_scale,
    quantize_recurrent,
)
from tinybayes.passes.requantize import choose_affine, choose_pre_shift, choose_requant, choose_sum_requant
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

    def within(self, other: "_Grid") -> bool:
        """Whether its codes are codes of ``other``."""
        same = (self.dtype, self.scale) == (other.dtype, other.scale)
        return same and other.low <= self.low and self.high <= other.high


_PROBABILITIES = _Grid("uint8", float(np.float32(1 / 255)), 0, 255)


def quantize(
    graph: Graph,
    calibration: npt.NDArray[np.floating] | None,
    *,
    bias_bits: int = 16,
    per_channel: bool = True,
    recurrent_bits: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> Graph:
    """The integer network for the float network ``graph`` (BatchNorm folded).

    ``calibration``: real inputs (samples, *torch input shape), float. ReLUs become the lower clamp of the layer before
    them. Activation scales clip where the mean squared error over the calibration data is least; the output is not
    clipped. Weights have a scale for each output channel, or with ``per_channel=False`` one for each layer. Every bias
    equals an integer of ``bias_bits`` bits (8, 16 or 32) shifted left by one shift a layer. ``recurrent_bits`` is how
    many bits of their hidden states recurrent layers multiply with (8 or 16).
    ``progress`` is called with (samples done, samples).

    Raises UserError for missing or wrong calibration data and for a layer without weights, LimitError for a layer whose
    accumulator could leave 30 bits.
    """
    if bias_bits not in BIAS_BITS:
        raise UserError(f"bias_bits: got {bias_bits}; wanted one of {', '.join(map(str, BIAS_BITS))}")
    bits = Bits(bias=bias_bits, state=check_recurrent_bits(recurrent_bits))
    data = check_calibration(graph, calibration)
    refuse_empty_layers(graph)
    chain = runs(graph)
    layers = [node.output for node in graph.nodes if isinstance(node, MacNode)]
    statistics = calibrate(graph, data, {run.tensors[0]: run.ends for run in chain}, layers, progress)
    statistics = replace(statistics, reaches=joined_reaches(graph, statistics.reaches))
    grids = _grids(graph, chain, statistics)
    stored = {graph.input: graph.input}
    tensors: dict[str, Tensor] = {}
    nodes: list[Node] = []
    for run in chain:
        grid = grids[run.tensors[0]]
        if run.producer is not None:
            reads = tuple(stored[name] for name in run.producer.inputs)
            sources = [grids[name] for name in run.producer.inputs]
            producer = replace(run.producer, inputs=reads)
            nodes.append(_quantized(producer, sources, grid, statistics, bits, per_channel))
            stored[run.producer.output] = run.producer.output
        for node in run.passing:
            if clamp_of(node) is None:
                nodes.append(replace(node, inputs=(stored[node.input],)))
                stored[node.output] = node.output
            else:
                stored[node.output] = stored[node.input]
        for name in run.tensors:
            tensors[name] = replace(graph.tensors[name], dtype=grid.dtype, scale=grid.scale, zero_point=0)
    return replace(graph, output=stored[graph.output]).with_nodes(nodes, tensors)


def _quantized(
    node: Node, sources: list[_Grid], grid: _Grid, statistics: Statistics, bits: Bits, per_channel: bool
) -> Node:
    """The integer layer that makes codes on ``grid``."""
    source = sources[0]
    if isinstance(node, MacNode):
        return _mac(node, source, grid, statistics, bits.bias, per_channel=per_channel)
    if isinstance(node, Recurrent):
        operand = Operand(source.scale, source.largest_stored_code)
        return quantize_recurrent(node, operand, statistics.reaches[node.name], bits, per_channel=per_channel)
    if isinstance(node, AveragePool):
        return _average_pool(node, source, grid)
    if isinstance(node, AveragePoolSpans):
        return _average_pool_spans(node, source, grid)
    if clamp_of(node) is not None:
        return Requantize(name=node.name, inputs=node.inputs, output=node.output, requant=_rescaling(source, grid))
    if isinstance(node, Pointwise):
        return _pointwise(node, source, grid)
    if isinstance(node, Softmax):
        return replace(node, exponentials=exponentials(source.scale), high=grid.high)
    if isinstance(node, ArgMax):
        return node
    if isinstance(node, Add):
        ratios = np.array([f * s.scale / grid.scale for f, s in zip(node.factors, sources, strict=True)])
        return replace(node, requant=choose_sum_requant(ratios, grid.low, grid.high))
    if isinstance(node, BatchNorm):
        return _affine(node, source, grid)
    if isinstance(node, ConstantPad):
        code = int(np.clip(np.rint(node.value / grid.scale), grid.low, grid.high))
        return replace(node, code=code, requant=None if source.within(grid) else _rescaling(source, grid))
    if isinstance(node, Multiply):
        return replace(node, requant=_product(sources, grid))
    if isinstance(node, Concat):
        return replace(node, requants=tuple(None if s.within(grid) else _rescaling(s, grid) for s in sources))
    raise InternalError(f"{node.name}: {node.op} cannot be quantized")


def _grids(graph: Graph, chain: tuple[Run, ...], statistics: Statistics) -> dict[str, _Grid]:
    """The grid of every tensor.

    What only a concatenation reads is put on the concatenation's grid by the layer that makes it: it is rounded once,
    and copied.
    """
    grids: dict[str, _Grid] = {}
    for run in chain:
        sources = [grids[name] for name in run.producer.inputs] if run.producer is not None else []
        grids |= dict.fromkeys(run.tensors, _grid(graph, run, sources, statistics))
    read = readers(graph)
    run_of = {name: run for run in chain for name in run.tensors}
    for node in reversed([run.producer for run in chain if isinstance(run.producer, Concat)]):
        for name in node.inputs:
            run = run_of[name]
            only = run.ends == (name,) and read[name] == 1
            if only and isinstance(run.producer, CLAMPED) and clamp_of(run.producer) is None:
                wanted = grids[node.output]
                low, high = (int(np.clip(c, wanted.low, wanted.high)) for c in _bounds(run.clamp, wanted.scale))
                grids |= dict.fromkeys(run.tensors, replace(wanted, low=low, high=high))
    return grids


def _bounds(clamp: tuple[float, float], scale: float) -> tuple[float, float]:
    """The codes of real bounds, before they are limited to a grid; infinite bounds stay infinite."""
    low, high = (float(np.rint(bound / scale)) for bound in clamp)
    return low, high


def _grid(graph: Graph, run: Run, sources: list[_Grid], statistics: Statistics) -> _Grid:
    is_output = graph.output in run.tensors
    if isinstance(run.producer, Softmax):
        return _Grid("int8", float(np.float32(1 / 127)), 0, 127) if is_output else _PROBABILITIES
    if isinstance(run.producer, ArgMax):
        return _classes(graph, run.producer)
    if isinstance(run.producer, Recurrent):
        return _Grid("int8", output_scale(statistics.reaches[run.producer.name]), -128, 127)
    if _copies(run, sources):
        return sources[0]
    positive = run.clamp[0] >= 0 or _is_positive(run.producer, sources)
    wide = positive and not is_output
    codes = 255 if wide else 127
    histogram = statistics.histograms[run.tensors[0]]
    if histogram.largest > 0:
        bound = histogram.largest if is_output else histogram.clip(codes)
    elif run.producer is None:
        raise UserError("calibration data: every value is zero after input scaling; wanted typical inputs")
    else:
        # Nothing lives here during calibration: any scale is right for it.
        bound = max(_largest(run.producer, sources), float(np.finfo(np.float32).eps))
    scale = float(np.float32(bound / codes))
    if not np.isfinite(scale) or scale < float(np.finfo(np.float32).tiny):
        raise UserError(
            f"layer {run.name!r}: its activations reach {bound:g}, which has no 8-bit scale; scale the network"
        )
    # A clamp that lies beyond the grid is the grid's own; infinite bounds are, too.
    least, most = (int(np.clip(code, 0 if positive else -128, codes)) for code in _bounds(run.clamp, scale))
    return _Grid("uint8" if wide else "int8", scale, least, most)


def _copies(run: Run, sources: list[_Grid]) -> bool:
    """Whether a concatenation can take its inputs as they are: all are on one grid, and nothing is clamped."""
    unclamped = isinstance(run.producer, Concat) and run.clamp == (-math.inf, math.inf)
    return unclamped and sources[0].dtype == "int8" and all(source.within(sources[0]) for source in sources)


def _classes(graph: Graph, node: ArgMax) -> _Grid:
    """The grid of class numbers. Raises UnsupportedError where there are too many, or something reads them."""
    channels = graph.tensors[node.input].channels
    if graph.output != node.output or channels > 128:
        raise UnsupportedError(
            f"layer {node.name!r}: argmax of {channels} channels is supported only at the end of a network, and of at "
            "most 128, because the output is int8: end the network before it, and compare the outputs yourself"
        )
    return _Grid("int8", 1.0, 0, 127)


def _is_positive(producer: Node | None, sources: list[_Grid]) -> bool:
    """Whether nothing below zero comes out of a layer, whatever its weights are."""
    if isinstance(producer, Pointwise) and clamp_of(producer) is None:
        return bool((FUNCTIONS[producer.function].evaluate(_values(sources[0]), *producer.parameters) >= 0).all())
    if isinstance(producer, ConstantPad):
        return sources[0].low >= 0 and producer.value >= 0
    if isinstance(producer, BatchNorm):
        return sources[0].low >= 0 and bool((producer.multiplier >= 0).all() and (producer.offset >= 0).all())
    if isinstance(producer, AveragePool | AveragePoolSpans | Multiply | Concat | Add):
        factors = producer.factors if isinstance(producer, Add) else ()
        return all(source.low >= 0 for source in sources) and all(factor >= 0 for factor in factors)
    return False


def _largest(producer: Node, sources: list[_Grid]) -> float:
    """A bound on what a layer can put out."""
    values = [source.scale * source.largest_stored_code for source in sources]
    if isinstance(producer, AveragePool):
        return values[0] * math.prod(producer.window) / producer.divides_by
    if isinstance(producer, AveragePoolSpans):
        return values[0] * producer.largest_window / int(producer.divisors.min())
    if isinstance(producer, MacNode):
        return float((np.abs(producer.matrix).sum(axis=1) * values[0] + np.abs(producer.bias)).max())
    if isinstance(producer, Pointwise):
        found = FUNCTIONS[producer.function].evaluate(_values(sources[0]), *producer.parameters)
        return float(np.abs(found).max())
    if isinstance(producer, ConstantPad):
        return max(values[0], abs(producer.value))
    if isinstance(producer, BatchNorm):
        return float((np.abs(producer.multiplier) * values[0] + np.abs(producer.offset)).max())
    if isinstance(producer, Add):
        return float(np.abs(producer.factors) @ values)
    return math.prod(values) if isinstance(producer, Multiply) else max(values)


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


def _affine(node: BatchNorm, source: _Grid, grid: _Grid) -> Affine:
    ratios = np.asarray(node.multiplier, np.float64) * (source.scale / grid.scale)
    multipliers, offsets, shift = choose_affine(ratios, np.asarray(node.offset, np.float64) / grid.scale)
    return Affine(
        name=node.name, inputs=node.inputs, output=node.output, multipliers=multipliers, offsets=offsets, shift=shift,
        low=grid.low, high=grid.high,
    )  # fmt: skip


def _product(sources: list[_Grid], grid: _Grid) -> Requant:
    """From products of two codes to codes."""
    ratio = np.array([math.prod(source.scale for source in sources) / grid.scale])
    largest = np.array([float(math.prod(source.largest_stored_code for source in sources))])
    return choose_requant(ratio, choose_pre_shift(ratio, largest, grid.largest_code), grid.low, grid.high)


def _average_pool(node: AveragePool, source: _Grid, grid: _Grid) -> AveragePool:
    positions = node.window[0] * node.window[1]
    return replace(node, requant=_mean(node, positions, np.array([node.divides_by]), source, grid))


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
