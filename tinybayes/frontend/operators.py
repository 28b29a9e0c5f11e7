"""One function for each ATen operator that is supported; ``HANDLERS`` is the list."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tinybayes.frontend import joins, layout, over_channels, pointwise, pooling, reductions, series, views
from tinybayes.frontend.chain import INPUT, Chain, Value
from tinybayes.frontend.grouping import MAX_WEIGHTS, spread
from tinybayes.frontend.program import Call, Ref
from tinybayes.ir import BatchNorm, Conv, Linear, Relu
from tinybayes.ir.verify import window_output
from tinybayes.tbn.limits import MAX_WINDOW

Float32 = npt.NDArray[np.float32]

SUPPORTED = (
    "linear; conv1d and conv2d (any stride, padding, dilation and groups); batch_norm in evaluation mode; "
    f"relu, {pointwise.SUPPORTED}; {over_channels.SUPPORTED}; "
    f"{joins.SUPPORTED}; {pooling.SUPPORTED}; {reductions.SUPPORTED}; {series.SUPPORTED}; "
    f"{views.SUPPORTED}; dropout in evaluation mode; add, sub, mul and div by constants of each channel"
)


def linear(chain: Chain, call: Call) -> None:
    """aten.linear(input, weight, bias)."""
    if series.is_series(chain, call):
        series.linear(chain, call, _bias(chain, call, chain.constant(call, "bias"), chain.weight(call).shape[0]))
        return
    _linear(chain, call, chain.value(call, "input"), chain.weight(call), "weight", chain.constant(call, "bias"))


def matrix_product(chain: Chain, call: Call) -> None:
    """aten.addmm(self, mat1, mat2) and aten.mm(self, mat2), where mat2 is a transposed weight."""
    added = call.operator == "addmm"
    if added and (call.number("beta", 1) != 1 or call.number("alpha", 1) != 1):
        chain.refuse(call, "with beta or alpha other than 1 is not supported")
    value = chain.value(call, "mat1" if added else "self")
    bias = chain.constant(call, "self") if added else None
    _linear(chain, call, value, chain.weight(call, "mat2").T, "mat2", bias)


def _linear(chain: Chain, call: Call, value: Value, weight: Float32, argument: str, bias: Float32 | None) -> None:
    if len(value.torch_shape) != 1:
        chain.refuse(
            call,
            f"on (batch, {', '.join(map(str, value.torch_shape))}) is not supported: flatten to (batch, features) "
            "first",
        )
    if weight.ndim != 2 or weight.shape[1] != value.torch_shape[0] or weight.shape[0] < 1:
        raise chain.damaged(call, f"a weight of shape {weight.shape} for {value.torch_shape[0]} features")
    if value.order is not None:
        weight = weight[:, value.order]
    outputs, columns = weight.shape
    name = chain.name(call, Linear.op, argument)
    node = Linear(
        name=name, inputs=(value.tensor,), output=name, weight=np.ascontiguousarray(weight).reshape(outputs, 1, 1, -1),
        bias=_bias(chain, call, bias, outputs), dense_shape=(outputs, 1, 1, columns),
    )  # fmt: skip
    chain.append(call, node, (1, 1, outputs), (outputs,))


def _bias(chain: Chain, call: Call, bias: Float32 | None, outputs: int) -> Float32:
    if bias is None:
        return np.zeros(outputs, np.float32)
    if bias.shape != (outputs,):
        raise chain.damaged(call, f"a bias of shape {bias.shape} for {outputs} outputs")
    return bias


def convolution(chain: Chain, call: Call) -> None:
    """aten.conv1d, aten.conv2d and aten.convolution; kernels (1, k) in 1-D."""
    value, weight = chain.value(call, "input"), chain.weight(call)
    dimensions = weight.ndim - 2
    if dimensions not in (1, 2) or len(value.torch_shape) != dimensions + 1:
        chain.refuse(
            call, f"with a weight of shape {weight.shape} on samples of shape {value.torch_shape} is not supported"
        )
    if call.flag("transposed"):
        chain.refuse(call, "transposed (a deconvolution) is not supported")
    stride = call.pair("stride", (1, 1), dimensions)
    height, width, channels = chain.tensors[value.tensor].hwc
    groups, dilation = call.number("groups", 1), call.pair("dilation", (1, 1), dimensions)
    fits = groups >= 1 and weight.shape[1] * groups == channels and weight.shape[0] % groups == 0
    if not fits or min(weight.shape) < 1 or min(stride) < 1 or min(dilation) < 1:
        given = f"weight {weight.shape}, stride {stride}, dilation {dilation} and groups {groups}"
        raise chain.damaged(call, f"{given} for {channels} channels")
    outputs = weight.shape[0]
    rows_first = np.ascontiguousarray(np.moveaxis(weight, 1, -1))
    compact = rows_first.reshape(outputs, *((1,) * (2 - dimensions)), *rows_first.shape[1:])
    kernel = tuple((size - 1) * apart + 1 for size, apart in zip(compact.shape[1:3], dilation, strict=True))
    if outputs * math.prod(kernel) * channels > MAX_WEIGHTS:
        chain.refuse(call, f"with a kernel that spans {kernel} positions, {channels} channels and {outputs} outputs is "
                           f"not supported: their product is above {MAX_WEIGHTS}")  # fmt: skip
    ohwi = spread(compact, int(groups), dilation)
    padding = _padding(chain, call, ohwi.shape[1:3], dimensions)
    if max(*stride, *padding) > MAX_WINDOW:
        chain.refuse(call, f"with stride {stride} and padding {padding} is not supported: wanted at most {MAX_WINDOW}")
    rows = window_output(height + padding[0] + padding[1], kernel[0], stride[0])
    columns = window_output(width + padding[2] + padding[3], kernel[1], stride[1])
    name = chain.name(call, Conv.op, "weight")
    node = Conv(
        name=name, inputs=(value.tensor,), output=name, weight=ohwi,
        bias=_bias(chain, call, chain.constant(call, "bias"), outputs),
        dense_shape=compact.shape, stride=stride, padding=padding,
    )  # fmt: skip
    torch_shape = (outputs, columns) if dimensions == 1 else (outputs, rows, columns)
    chain.append(call, node, (rows, columns, outputs), torch_shape)


def _padding(chain: Chain, call: Call, kernel: tuple[int, int], dimensions: int) -> tuple[int, int, int, int]:
    """(top, bottom, left, right); 'same' puts the odd one at the end, as torch does."""
    argument = call.arguments.get("padding")
    if argument == "valid":
        return 0, 0, 0, 0
    if argument == "same":
        total = kernel[0] - 1, kernel[1] - 1
        return total[0] // 2, total[0] - total[0] // 2, total[1] // 2, total[1] - total[1] // 2
    if isinstance(argument, str):
        chain.refuse(call, f"with padding={argument!r} is not supported")
    vertical, horizontal = call.pair("padding", (0, 0), dimensions)
    return vertical, vertical, horizontal, horizontal


def batch_norm(chain: Chain, call: Call) -> None:
    """aten.batch_norm in evaluation mode: x * multiplier + offset, from Ioffe and Szegedy (2015), algorithm 2."""
    if call.flag("training"):
        chain.refuse(call, "uses the statistics of the batch (training mode); call module.eval() before exporting")
    mean, variance = chain.constant(call, "running_mean"), chain.constant(call, "running_var")
    if mean is None or variance is None:
        chain.refuse(call, "has no running statistics (track_running_stats=False), which inference needs")
    value = layout.innermost(chain, call, "input", 0)
    channels = chain.tensors[value.tensor].channels
    gamma, beta = chain.constant(call, "weight"), chain.constant(call, "bias")
    gamma = np.ones(channels, np.float32) if gamma is None else gamma
    beta = np.zeros(channels, np.float32) if beta is None else beta
    if not mean.shape == variance.shape == gamma.shape == beta.shape == (channels,):
        raise chain.damaged(call, f"statistics of shape {mean.shape} for {channels} channels")
    spread = variance.astype(np.float64) + call.number("eps", 1e-5)
    if not (spread > 0).all():
        raise chain.damaged(call, "the running variance plus eps is not positive")
    multiplier = gamma / np.sqrt(spread)
    offset = beta - mean * multiplier
    if value.order is not None:
        multiplier, offset = multiplier[value.order], offset[value.order]
    name = chain.name(call, BatchNorm.op, "running_mean")
    node = BatchNorm(name=name, inputs=(value.tensor,), output=name, multiplier=multiplier, offset=offset)
    layout.append_in_place(chain, call, node, value)


def relu(chain: Chain, call: Call) -> None:
    """aten.relu."""
    value = layout.whole(chain, call, "self")
    name = chain.name(call, Relu.op)
    layout.append_in_place(chain, call, Relu(name=name, inputs=(value.tensor,), output=name), value)


def same(chain: Chain, call: Call) -> None:
    """Operators that change nothing at inference."""
    if call.flag("train"):
        chain.refuse(call, "is in training mode; call module.eval() before exporting")
    chain.alias(call, layout.held(chain, call, "input" if "input" in call.arguments else "self"))


def transpose(chain: Chain, call: Call) -> None:
    """A transposed tensor; or a transposed weight matrix, as decomposed programs hold it."""
    reference = call.arguments.get("self", call.arguments.get("input"))
    if chain.is_computed(reference) or chain.is_batch_second(reference):
        (views.permute if call.operator == "permute" else views.transpose)(chain, call)
        return
    if isinstance(reference, Ref) and reference.name not in chain.constants:
        chain.computed(call, "self", reference)  # which says what else it is
    if not isinstance(reference, Ref) or chain.constants[reference.name].ndim != 2:
        chain.refuse(call, f"of a weight that is no matrix is not supported. Supported are: {SUPPORTED}")
    if call.operator == "permute" and call.arguments.get("dims") not in ([1, 0], [-1, 0], [1, -2], [-1, -2]):
        chain.refuse(call, f"of a weight to {call.arguments.get('dims')} is not supported")
    chain.constants[call.result] = chain.constants[reference.name].T
    chain.paths[call.result] = chain.path(reference.name)


def arithmetic(chain: Chain, call: Call) -> None:
    """add, sub, mul and div: of two computed tensors, or of one and constants."""
    operator = call.operator.removesuffix("_")
    if not chain.is_computed(call.arguments.get("other")):
        with_constants(chain, call)
    elif operator in ("div", "rsub"):
        chain.refuse(call, "of two computed tensors is not supported")
    else:
        {"add": joins.add, "sub": joins.add, "mul": joins.multiply}[operator](chain, call)


def with_constants(chain: Chain, call: Call) -> None:
    """add, sub, mul and div by constants of each channel: its input's standardisation, or a layer of their own.

    With x' = (x - mean) / std so far: x' - c = (x - (mean + c std)) / std and x' / c = (x - mean) / (c std).
    """
    reference = call.arguments["self"]
    raw = isinstance(reference, Ref) and chain.channels_last_input and reference.name in chain.values
    value = layout.held(chain, call, "self")
    on_input = raw and value.tensor == INPUT and value.torch_shape == chain.program.input_shape
    if not on_input:
        value = layout.whole(chain, call, "self")
        if isinstance(call.arguments.get("other"), Ref) and _channel_axis(chain, value) is None:
            value = chain.value(call, "self")
    read_once = isinstance(reference, Ref) and chain.reads[reference.name] == 1
    if call.number("alpha", 1) != 1 or call.arguments.get("rounding_mode") is not None:
        chain.refuse(call, "with alpha or a rounding mode is not supported")
    constant = _per_channel(chain, call, value)
    flips = call.operator == "rsub" or (call.operator.startswith(("mul", "div")) and not (constant > 0).all())
    if value.tensor != INPUT or not read_once or flips:
        _affine(chain, call, value, constant)
        return
    with np.errstate(all="ignore"):
        if call.operator.startswith(("sub", "add")):
            chain.mean = chain.mean + (constant if call.operator.startswith("sub") else -constant) * chain.std
        else:
            chain.std = chain.std * (constant if call.operator.startswith("div") else 1 / constant)
    if not (np.isfinite(chain.mean).all() and np.isfinite(chain.std).all() and (chain.std > 0).all()):
        chain.refuse(
            call, f"by {constant.tolist()} makes the input's std {chain.std.tolist()}; wanted finite and positive"
        )
    chain.alias(call, value)


def _affine(chain: Chain, call: Call, value: Value, constant: npt.NDArray[np.float64]) -> None:
    """``value`` with a constant for each channel, as a batch normalisation, which the layer before it may absorb."""
    constant = constant if value.order is None else constant[value.order]
    one, zero = np.ones(constant.size), np.zeros(constant.size)
    with np.errstate(all="ignore"):
        multiplier, offset = {
            "add": (one, constant),
            "sub": (one, -constant),
            "rsub": (-one, constant),
            "mul": (constant, zero),
            "div": (1 / constant, zero),
        }[call.operator.removesuffix("_")]
    if not (np.isfinite(multiplier).all() and np.isfinite(offset).all()):
        chain.refuse(call, f"by {constant.tolist()} is not supported: wanted finite numbers")
    name = chain.name(call, BatchNorm.op)
    node = BatchNorm(name=name, inputs=(value.tensor,), output=name, multiplier=multiplier, offset=offset)
    layout.append_in_place(chain, call, node, value)


def _channel_axis(chain: Chain, value: Value) -> int | None:
    """Which of torch's axes, the batch left out, are the channels of the tensor in memory; None where none is."""
    if value.order is not None:
        return 0
    axes = layout.memory_axes(chain, value)
    return axes[-1] if axes and value.torch_shape[axes[-1]] == chain.tensors[value.tensor].channels else None


def _per_channel(chain: Chain, call: Call, value: Value) -> npt.NDArray[np.float64]:
    """The operand ``other``, one number for each channel of ``value`` (or for each feature of a vector)."""
    channels = chain.tensors[value.tensor].channels
    if not isinstance(call.arguments.get("other"), Ref):
        return np.full(channels, call.number("other", math.nan))
    axis, rank = _channel_axis(chain, value) or 0, len(value.torch_shape)
    other = chain.weight(call, "other").astype(np.float64)
    shape = (1,) * (rank - other.ndim) + other.shape
    shape = shape[1:] if len(shape) == rank + 1 and shape[0] == 1 else shape
    wanted = tuple(channels if k == axis else 1 for k in range(rank))
    if len(shape) != rank or any(size not in (1, wanted[k]) for k, size in enumerate(shape)):
        chain.refuse(
            call, f"by a tensor of shape {other.shape} is not supported: wanted one number for each channel, {wanted}"
        )
    return np.broadcast_to(other.reshape(-1), (channels,)).copy()


HANDLERS: dict[str, Callable[[Chain, Call], None]] = {
    "linear": linear,
    "addmm": matrix_product,
    "mm": matrix_product,
    **dict.fromkeys(("conv1d", "conv2d", "convolution"), convolution),
    **dict.fromkeys(("batch_norm", "_native_batch_norm_legit_no_training"), batch_norm),
    **dict.fromkeys(("relu", "relu_"), relu),
    **pointwise.HANDLERS,
    **over_channels.HANDLERS,
    **pooling.HANDLERS,
    **reductions.HANDLERS,
    **views.HANDLERS,
    **series.HANDLERS,
    **dict.fromkeys(
        ("dropout", "feature_dropout", "alpha_dropout", "contiguous", "clone", "detach", "alias", "lift_fresh_copy"),
        same,
    ),
    **dict.fromkeys(("t", "permute", "transpose"), transpose),
    **joins.HANDLERS,
    **dict.fromkeys(("add", "sub", "rsub", "mul", "div", "add_", "sub_", "mul_", "div_"), arithmetic),
}
