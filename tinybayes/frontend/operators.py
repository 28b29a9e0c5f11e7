"""One function for each ATen operator that is supported; ``HANDLERS`` is the list."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tinybayes.frontend import joins, over_channels, pointwise, pooling
from tinybayes.frontend.chain import INPUT, Chain, Value
from tinybayes.frontend.program import Call, Ref, Symbol
from tinybayes.ir import BatchNorm, Conv, Linear, Relu
from tinybayes.ir.verify import window_output

Float32 = npt.NDArray[np.float32]

SUPPORTED = (
    "linear; conv1d and conv2d (any stride and padding, groups=1, dilation=1); batch_norm in evaluation mode right "
    f"behind them; relu, {pointwise.SUPPORTED}; {over_channels.SUPPORTED}; "
    f"{joins.SUPPORTED}; {pooling.SUPPORTED}; "
    "flatten, view and reshape to (batch, -1); dropout in evaluation mode; (x - mean) / std directly on the input"
)


def linear(chain: Chain, call: Call) -> None:
    """aten.linear(input, weight, bias)."""
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
    if call.number("groups", 1) != 1:
        chain.refuse(call, f"with groups={call.arguments['groups']} is not supported: use groups=1")
    if call.pair("dilation", (1, 1), dimensions) != (1, 1):
        chain.refuse(call, f"with dilation={call.arguments['dilation']} is not supported: use dilation=1")
    if call.flag("transposed"):
        chain.refuse(call, "transposed (a deconvolution) is not supported")
    stride = call.pair("stride", (1, 1), dimensions)
    kernel = (1, weight.shape[2]) if dimensions == 1 else (weight.shape[2], weight.shape[3])
    padding = _padding(chain, call, kernel, dimensions)
    height, width, channels = chain.tensors[value.tensor].hwc
    if weight.shape[1] != channels or min(weight.shape) < 1 or min(stride) < 1:
        raise chain.damaged(call, f"weight {weight.shape} and stride {stride} for {channels} channels")
    outputs = weight.shape[0]
    ohwi = np.ascontiguousarray(np.moveaxis(weight, 1, -1)).reshape(outputs, *kernel, channels)
    rows = window_output(height + padding[0] + padding[1], kernel[0], stride[0])
    columns = window_output(width + padding[2] + padding[3], kernel[1], stride[1])
    name = chain.name(call, Conv.op, "weight")
    node = Conv(
        name=name, inputs=(value.tensor,), output=name, weight=ohwi,
        bias=_bias(chain, call, chain.constant(call, "bias"), outputs),
        dense_shape=(outputs, *kernel, channels), stride=stride, padding=padding,
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
    value = chain.value(call, "input")
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
    chain.append(call, node, chain.tensors[value.tensor].hwc, value.torch_shape)


def relu(chain: Chain, call: Call) -> None:
    """aten.relu."""
    value = chain.value(call, "self")
    name = chain.name(call, Relu.op)
    node = Relu(name=name, inputs=(value.tensor,), output=name)
    chain.append(call, node, chain.tensors[value.tensor].hwc, value.torch_shape)


def flatten(chain: Chain, call: Call) -> None:
    """aten.flatten from dimension 1 to the last."""
    value = chain.value(call, "self")
    rank = len(value.torch_shape) + 1
    start, end = int(call.number("start_dim", 0)), int(call.number("end_dim", -1))
    if start % rank != 1 or end % rank != rank - 1:
        chain.refuse(call, f"of dimensions {start} to {end} is not supported: only from 1 to the last")
    chain.flatten(call, value)


def view(chain: Chain, call: Call) -> None:
    """aten.view and aten.reshape to (batch, -1), or to the shape that is there already."""
    value = chain.value(call, "self")
    sizes = call.arguments.get("size", call.arguments.get("shape"))
    elements = math.prod(value.torch_shape)
    if not isinstance(sizes, list) or len(sizes) < 2:
        chain.refuse(call, f"to {sizes} is not supported: only to (batch, -1)")
    inner = tuple(sizes[1:])
    if inner == value.torch_shape:
        chain.alias(call, value)
    elif inner == (elements,) or (inner == (-1,) and (isinstance(sizes[0], Symbol) or sizes[0] > 0)):
        chain.flatten(call, value)
    else:
        chain.refuse(call, f"to (batch, {', '.join(map(str, inner))}) is not supported: only to (batch, -1)")


def squeeze(chain: Chain, call: Call) -> None:
    """aten.squeeze of positions of size 1 behind a global average."""
    value = chain.value(call, "self")
    rank = len(value.torch_shape) + 1
    dims = call.arguments.get("dim")
    given = {d % rank for d in (dims if isinstance(dims, list) else [dims]) if type(d) is int}
    if not given or min(given) < 2:
        chain.refuse(call, f"of dimension {dims} is not supported: only of positions (dimensions from 2 on)")
    gone = {d for d in given if value.torch_shape[d - 1] == 1}
    shape = tuple(size for d, size in enumerate(value.torch_shape, start=1) if d not in gone)
    if len(shape) == 1 and gone:
        chain.flatten(call, value)
    else:
        chain.alias(call, value, shape)


def same(chain: Chain, call: Call) -> None:
    """Operators that change nothing at inference."""
    if call.flag("train"):
        chain.refuse(call, "is in training mode; call module.eval() before exporting")
    chain.alias(call, chain.value(call, "input" if "input" in call.arguments else "self"))


def transpose(chain: Chain, call: Call) -> None:
    """A transposed weight matrix, as decomposed programs hold it."""
    reference = call.arguments.get("self", call.arguments.get("input"))
    if (
        not isinstance(reference, Ref)
        or reference.name not in chain.constants
        or chain.constants[reference.name].ndim != 2
    ):
        chain.refuse(call, f"of an activation is not supported. Supported are: {SUPPORTED}")
    if call.operator == "permute" and call.arguments.get("dims") not in ([1, 0], [-1, 0], [1, -2], [-1, -2]):
        chain.refuse(call, f"of a weight to {call.arguments.get('dims')} is not supported")
    chain.constants[call.result] = chain.constants[reference.name].T
    chain.paths[call.result] = chain.path(reference.name)


def arithmetic(chain: Chain, call: Call) -> None:
    """add, sub, mul and div: of two computed tensors, or of one and constants."""
    operator = call.operator.removesuffix("_")
    if not chain.is_computed(call.arguments.get("other")):
        scale_input(chain, call)
    elif operator == "div":
        chain.refuse(call, "of two computed tensors is not supported")
    else:
        {"add": joins.add, "sub": joins.add, "mul": joins.multiply}[operator](chain, call)


def scale_input(chain: Chain, call: Call) -> None:
    """add, sub, mul and div by constants of each channel, directly on the input: its standardisation.

    With x' = (x - mean) / std so far: x' - c = (x - (mean + c std)) / std and x' / c = (x - mean) / (c std).
    """
    value = chain.value(call, "self")
    reference = call.arguments["self"]
    read_once = isinstance(reference, Ref) and chain.reads[reference.name] == 1
    if value.tensor != INPUT or len(value.torch_shape) != len(chain.program.input_shape) or not read_once:
        chain.refuse(
            call, f"is supported only directly on the input, as (x - mean) / std. Elsewhere supported are: {SUPPORTED}"
        )
    if call.number("alpha", 1) != 1 or call.arguments.get("rounding_mode") is not None:
        chain.refuse(call, "with alpha or a rounding mode is not supported")
    constant = _per_channel(chain, call)
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


def _per_channel(chain: Chain, call: Call) -> npt.NDArray[np.float64]:
    """The operand ``other``, one number for each channel of the input (or for each feature of a vector)."""
    channels = chain.program.input_shape[0]
    rank = len(chain.program.input_shape) + 1
    if not isinstance(call.arguments.get("other"), Ref):
        return np.full(channels, call.number("other", math.nan))
    other = chain.weight(call, "other").astype(np.float64)
    shape = (1,) * (rank - other.ndim) + other.shape
    if len(shape) != rank or shape[0] != 1 or shape[1] not in (1, channels) or any(size != 1 for size in shape[2:]):
        wanted = (channels,) + (1,) * (rank - 2)
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
    "flatten": flatten,
    **dict.fromkeys(("view", "reshape", "_unsafe_view"), view),
    "squeeze": squeeze,
    **dict.fromkeys(
        ("dropout", "feature_dropout", "alpha_dropout", "contiguous", "clone", "detach", "alias", "lift_fresh_copy"),
        same,
    ),
    **dict.fromkeys(("t", "permute", "transpose"), transpose),
    **joins.HANDLERS,
    **dict.fromkeys(("add", "sub", "mul", "div", "add_", "sub_", "mul_", "div_"), arithmetic),
}
