"""The fake-quantised torch network: real arithmetic on the integer network's grids."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinybayes.errors import InternalError
from tinybayes.frontend.fake_quant_recurrent import recurrent
from tinybayes.ir import (
    Add,
    Affine,
    ArgMax,
    AveragePool,
    AveragePoolSpans,
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
    Requant,
    Requantize,
    Select,
    Softmax,
    SpanPool,
)
from tinybayes.ir import Tensor as Grid
from tinybayes.ir.functions import RSQRT_LEAST

_CHUNK_SAMPLES = 256


class FakeQuantized(nn.Module):
    """What quantization-aware frameworks simulate: float64 operators, every tensor rounded to its 8-bit grid.

    Takes real inputs (samples, *torch input shape) and returns real outputs, float64 (samples, *output shape), channels
    last. It shares the integer network's weights, scales and clamps, but none of its integer arithmetic: agreement of
    the two says that shifts, multipliers and accumulators are right.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        if not graph.is_integer:
            raise InternalError("fake quantization wants an integer network")
        self._graph = graph
        self._steps = tuple((node, _LAYERS[node.op](node, graph)) for node in graph.nodes)

    def forward(self, x: Tensor) -> Tensor:
        """Real inputs to real outputs."""
        tensor = self._graph.input_tensor
        value = x.float()
        value = value.movedim(1, -1) if value.ndim > 2 and not self._graph.channels_last_input else value
        scaling = self._graph.input_scaling
        if scaling is not None:
            value = (value - torch.from_numpy(scaling.mean)) / torch.from_numpy(scaling.std)
        # The device quantizes real inputs in float32; everything behind that is float64.
        codes = torch.round(value / torch.tensor(tensor.scale, dtype=torch.float32)).clamp(*tensor.code_range)
        height, width, channels = tensor.hwc
        maps = (codes.double() * tensor.scale).reshape(-1, height, width, channels).permute(0, 3, 1, 2)
        values = {tensor.name: maps}
        for node, run in self._steps:
            values[node.output] = run(*(values[name] for name in node.inputs))
        return values[self._graph.output].permute(0, 2, 3, 1).reshape(-1, *self._graph.output_tensor.shape)


def fake_quantized(graph: Graph) -> FakeQuantized:
    """The fake-quantised torch network of an integer network."""
    return FakeQuantized(graph)


def fake_quantized_classes(graph: Graph, x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The class with the largest output, int64 (samples,), of the fake-quantised torch network.

    ``x`` is real inputs (samples, *torch input shape).
    """
    network = fake_quantized(graph)
    with torch.no_grad():
        outputs = torch.cat([network(part) for part in torch.from_numpy(x).split(_CHUNK_SAMPLES)])
    # A network that ends in argmax puts the class out.
    if outputs.shape[-1] == 1:
        return outputs[..., 0].long().numpy()
    return outputs[..., : graph.class_scores].argmax(dim=-1).numpy()


Layer = Callable[..., Tensor]


def _on_grid(value: Tensor, requant: Requant | None, grid: Grid) -> Tensor:
    if requant is None:
        raise InternalError(f"tensor {grid.name!r}: its layer has no requantization")
    return torch.floor(value / grid.scale + 0.5).clamp(requant.low, requant.high) * grid.scale


def _real_weights(node: MacNode, source: Grid) -> tuple[Tensor, Tensor]:
    """Weight (outputs, inputs, height, width) and bias (outputs,), float64."""
    if node.weight_scale is None:
        raise InternalError(f"{node.name}: its weights have no scale")
    scale = torch.from_numpy(node.weight_scale)
    weight = torch.from_numpy(node.weight).double() * scale[:, None, None, None]
    # The pre-shift of an accumulator rounds down, by (2**pre_shift - 1) / 2 on average: a constant, like the bias.
    lost = (2**node.requant.pre_shift - 1) / 2 if node.requant is not None else 0.0
    return weight.permute(0, 3, 1, 2), (torch.from_numpy(node.bias).double() - lost) * scale * source.scale


def _linear(node: Linear, graph: Graph) -> Layer:
    source, target = graph.tensors[node.input], graph.tensors[node.output]
    weight, bias = _real_weights(node, source)
    matrix = weight.flatten(1)

    def run(x: Tensor) -> Tensor:
        return _on_grid(F.linear(x.flatten(1), matrix, bias), node.requant, target)[:, :, None, None]

    return run


def _conv(node: Conv, graph: Graph) -> Layer:
    source, target = graph.tensors[node.input], graph.tensors[node.output]
    weight, bias = _real_weights(node, source)
    top, bottom, left, right = node.padding

    def run(x: Tensor) -> Tensor:
        padded = F.pad(x, (left, right, top, bottom))
        return _on_grid(F.conv2d(padded, weight, bias, stride=node.stride), node.requant, target)

    return run


def _max_pool(node: MaxPool, _graph: Graph) -> Layer:
    return lambda x: F.max_pool2d(x, node.window, node.stride)


def _average_pool(node: AveragePool, graph: Graph) -> Layer:
    target = graph.tensors[node.output]
    divisor = node.divides_by
    return lambda x: _on_grid(F.avg_pool2d(x, node.window, node.stride, divisor_override=divisor), node.requant, target)


def _windows(node: SpanPool, x: Tensor, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    lines = [
        torch.stack([reduce(x[:, :, top:bottom, left:right]) for left, right in node.columns], dim=-1)
        for top, bottom in node.rows
    ]
    return torch.stack(lines, dim=-2)


def _max_pool_spans(node: MaxPoolSpans, _graph: Graph) -> Layer:
    return lambda x: _windows(node, x, lambda window: window.amax(dim=(2, 3)))


def _average_pool_spans(node: AveragePoolSpans, graph: Graph) -> Layer:
    target = graph.tensors[node.output]
    counts = torch.outer(torch.tensor(node.row_counts), torch.tensor(node.column_counts))
    return lambda x: _on_grid(_windows(node, x, lambda window: window.sum(dim=(2, 3))) / counts, node.requant, target)


def _flatten(_node: Flatten, _graph: Graph) -> Layer:
    return lambda x: x.permute(0, 2, 3, 1).flatten(1)[:, :, None, None]


def _select(node: Select, _graph: Graph) -> Layer:
    indices = torch.from_numpy(node.indices)
    return lambda x: x.permute(0, 2, 3, 1).flatten(1)[:, indices, None, None]


def _pointwise(node: Pointwise, graph: Graph) -> Layer:
    target, function = graph.tensors[node.output], TORCH_FUNCTIONS[node.function]
    assert node.table is not None  # ir.verify has seen to it
    low, high = int(node.table.min()), int(node.table.max())
    return lambda x: torch.round(function(x, *node.parameters) / target.scale).clamp(low, high) * target.scale


def _requantize(node: Requantize, graph: Graph) -> Layer:
    target = graph.tensors[node.output]
    return lambda x: _on_grid(x, node.requant, target)


def _softmax(node: Softmax, graph: Graph) -> Layer:
    target = graph.tensors[node.output]
    return lambda x: torch.round(x.softmax(dim=1) / target.scale) * target.scale


def _argmax(_node: ArgMax, _graph: Graph) -> Layer:
    return lambda x: x.argmax(dim=1, keepdim=True).double()


def _add(node: Add, graph: Graph) -> Layer:
    target, (first, second), requant = graph.tensors[node.output], node.factors, node.requant
    assert requant is not None  # ir.verify has seen to it

    def run(a: Tensor, b: Tensor) -> Tensor:
        codes = torch.floor((first * a + second * b) / target.scale + 0.5)
        return codes.clamp(requant.low, requant.high) * target.scale

    return run


def _multiply(node: Multiply, graph: Graph) -> Layer:
    target = graph.tensors[node.output]
    return lambda a, b: _on_grid(a * b, node.requant, target)


def _concat(node: Concat, graph: Graph) -> Layer:
    target, dimension = graph.tensors[node.output], (2, 3, 1)[node.axis]

    def run(*inputs: Tensor) -> Tensor:
        parts = (x if r is None else _on_grid(x, r, target) for x, r in zip(inputs, node.requants, strict=True))
        return torch.cat(tuple(parts), dim=dimension)

    return run


def _affine(node: Affine, graph: Graph) -> Layer:
    source, target = graph.tensors[node.input], graph.tensors[node.output]
    unit = target.scale / 2.0**node.shift
    factors = torch.from_numpy(node.multipliers.astype(np.float64) * (unit / source.scale))
    # The offset holds half a code, with which the shift rounds half up.
    offsets = torch.from_numpy((node.offsets.astype(np.float64) - 2.0 ** (node.shift - 1)) * unit)

    def run(x: Tensor) -> Tensor:
        real = x * factors[:, None, None] + offsets[:, None, None]
        return torch.floor(real / target.scale + 0.5).clamp(node.low, node.high) * target.scale

    return run


def _constant_pad(node: ConstantPad, graph: Graph) -> Layer:
    target = graph.tensors[node.output]
    (top, left, first), (bottom, right, last) = node.before, node.behind

    def run(x: Tensor) -> Tensor:
        inside = x if node.requant is None else _on_grid(x, node.requant, target)
        return F.pad(inside, (left, right, top, bottom, first, last), value=node.code * target.scale)

    return run


def _rearrange(node: Rearrange, graph: Graph) -> Layer:
    positions = torch.from_numpy(node.positions)
    height, width, channels = graph.tensors[node.output].hwc

    def run(x: Tensor) -> Tensor:
        moved = x.permute(0, 2, 3, 1).flatten(1)[:, positions]
        return moved.reshape(-1, height, width, channels).permute(0, 3, 1, 2)

    return run


TORCH_FUNCTIONS: Mapping[str, Callable[..., Tensor]] = MappingProxyType(
    {
        "clamp": torch.clamp,
        "elu": torch.ops.aten.elu,
        "exp": torch.exp,
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "hard_sigmoid": F.hardsigmoid,
        "hard_swish": F.hardswish,
        "leaky_relu": F.leaky_relu,
        "mish": F.mish,
        "rsqrt": lambda x: torch.rsqrt(x.clamp(min=RSQRT_LEAST)),
        "sigmoid": torch.sigmoid,
        "silu": F.silu,
        "softplus": F.softplus,
        "square": torch.square,
        "tanh": torch.tanh,
    }
)
"""By name, torch's own version of every function of ``ir.functions``."""

_LAYERS: Mapping[str, Callable[..., Layer]] = MappingProxyType(
    {
        Linear.op: _linear,
        Conv.op: _conv,
        MaxPool.op: _max_pool,
        AveragePool.op: _average_pool,
        Flatten.op: _flatten,
        Select.op: _select,
        Pointwise.op: _pointwise,
        Requantize.op: _requantize,
        Softmax.op: _softmax,
        ArgMax.op: _argmax,
        Gru.op: recurrent,
        Lstm.op: recurrent,
        Add.op: _add,
        Multiply.op: _multiply,
        Concat.op: _concat,
        Rearrange.op: _rearrange,
        ConstantPad.op: _constant_pad,
        Affine.op: _affine,
        MaxPoolSpans.op: _max_pool_spans,
        AveragePoolSpans.op: _average_pool_spans,
    }
)
