"""Steps -> kernel calls: one row of ``CALLS`` for each kernel (operator and weight format)."""

from collections.abc import Callable

from tinybayes.emit import copies, joins, planes, pools, recurrent
from tinybayes.emit.arguments import Call, Fields, Struct, source, source_struct
from tinybayes.emit.arguments import at as _at
from tinybayes.emit.arguments import layout as _layout
from tinybayes.emit.arguments import requant as _requant
from tinybayes.emit.arguments import target as _target
from tinybayes.errors import InternalError
from tinybayes.ir import Affine, AveragePool, Conv, Requantize, Softmax
from tinybayes.ir.node import MacNode
from tinybayes.plan import Plan, Step
from tinybayes.plan.bounds import accumulator_bound


def calls(plan: Plan, step: Step, weights: str) -> tuple[Call, ...]:
    """The kernel calls of ``step``; ``weights`` is the C name of its constants."""
    if step.kernel not in CALLS:
        raise InternalError(f"{step.name}: there is no call for kernel {step.kernel!r}")
    made = CALLS[step.kernel](plan, step, weights)
    return made if isinstance(made, tuple) else (made,)


def _source(plan: Plan, step: Step) -> str:
    return source(plan, step.source)


def _source_struct(plan: Plan, step: Step) -> Struct:
    return source_struct(plan, step.source)


def _mac(step: Step) -> MacNode:
    if not isinstance(step.node, MacNode) or step.encoding is None:
        raise InternalError(f"{step.name}: a layer with weights has none")
    return step.node


def _rows(step: Step, weights: str) -> Struct:
    node = _mac(step)
    assert step.encoding is not None
    constants = step.encoding.constants
    return Struct(
        "tb_rows",
        {
            "count": node.outputs,
            f"bias{constants['bias_bits']}": f"{weights}.bias",
            "bias_shift": constants["bias_shift"],
            "requant": _requant(
                node.requant,
                node.name,
                multipliers=f"{weights}.multipliers",
                bound=accumulator_bound(node, step.source.tensor.code_range),
            ),
        },
    )


def _weights(step: Step, weights: str) -> Struct:
    assert step.encoding is not None
    constants = step.encoding.constants
    tables = [name for name in _TABLES[step.encoding.format] if step.encoding.array(name) is not None]
    parameters: dict[str, int | bool] = {name: constants[name] for name in _PARAMETERS if name in constants}
    if "by_fours" in constants:
        parameters["by_fours"] = bool(constants["by_fours"])
    struct = _STRUCTS.get(step.kernel, f"tb_{step.encoding.format}")
    return Struct(struct, {**{name: f"{weights}.{name}" for name in tables}, **parameters})


_STRUCTS = {"linear_index": "tb_index_words"}
_PARAMETERS = (
    "gap_bits", "value_bits", "columns", "width", "tail", "level_count", "first_column", "first_value",
)  # fmt: skip
_TABLES = {
    "dense": ("values",),
    "index": ("counts", "entries", "words"),
    "gather": ("counts", "offsets", "values"),
    "blocks4x1": ("counts", "columns", "values"),
    "blocks1x4": ("counts", "places", "values", "tails"),
    "blocks1x16": ("counts", "places", "values"),
    "delta": ("counts8", "counts16", "words"),
    "grouped": ("counts", "offsets", "levels"),
    "huffman": ("stream", "gap_table", "value_table"),
}


def _linear(plan: Plan, step: Step, weights: str) -> Call:
    arguments = (
        _source_struct(plan, step),
        _target(plan, step, origin=True),
        _weights(step, weights),
        _rows(step, weights),
    )
    return Call("tb_linear.h", f"tb_{step.kernel}", arguments)


def _straight(plan: Plan, step: Step, weights: str) -> Call:
    """The layer's own function, which is its weights."""
    return Call("tb_arith.h", weights, (_source(plan, step), _target(plan, step, origin=True)))


def straight_twin(step: Step, weights: str) -> Call:
    """What the layer's own function does where its assembly is not: a kernel on pairs of column and value."""
    input_codes = Struct("tb_source", {"data": "input", "is_signed": step.source.tensor.dtype == "int8"})
    pairs = Struct("tb_pairs", {name: f"{weights}.{name}" for name in ("counts", "columns", "values")})
    return Call("tb_linear.h", "tb_linear_pairs", (input_codes, "output", pairs, _rows(step, weights)))


def _walk(step: Step) -> Struct:
    node, source = step.node, step.source
    assert isinstance(node, Conv)
    return Struct(
        "tb_walk",
        {
            "segments": node.kernel[0],
            "segment_stride": source.stride_bytes,
            "row_stride": node.stride[0] * source.stride_bytes,
            "column_stride": node.stride[1] * source.tensor.channels,
        },
    )


def _pooling(step: Step) -> Struct:
    pool, target = step.pool, step.target
    window = pool.window if pool else (1, 1)
    stride = pool.stride if pool else (1, 1)
    average: Fields = {}
    if isinstance(pool, AveragePool):
        bound = 255 * window[0] * window[1]
        average = {"average": True, "pool_requant": _requant(pool.requant, pool.name, bound=bound)}
    return Struct(
        "tb_pooling",
        {
            "window_height": window[0],
            "window_width": window[1],
            "stride_height": stride[0],
            "stride_width": stride[1],
            "height": target.tensor.hwc[0],
            "width": target.tensor.hwc[1],
            "output_row_gap": target.row_gap_bytes,
            "output_channels": target.tensor.channels,
            **average,
        },
    )


def _patch(plan: Plan, step: Step) -> Struct:
    node = step.node
    assert isinstance(node, Conv)
    height, width, channels = step.source.tensor.hwc
    top, _, left, _ = node.padding
    return Struct(
        "tb_patch",
        {
            "height": height,
            "width": width,
            "channels": channels,
            "kernel_height": node.kernel[0],
            "kernel_width": node.kernel[1],
            "stride_height": node.stride[0],
            "stride_width": node.stride[1],
            "top": top,
            "left": left,
            "clipped": any(node.padding),
            "aligned": channels % 4 == 0 and step.source.tensor.name != plan.graph.input,
            "bytes": step.field_bytes,
        },
    )


def _conv_dense(plan: Plan, step: Step, weights: str) -> Call:
    scratch = plan.scratch(step)
    memory: Fields = {"values": f"{weights}.values"}
    if scratch is not None:
        memory = {**memory, "fields": _at(scratch.offset)}
    if step.state_bytes and scratch is not None:
        states = _at(scratch.offset + scratch.size_bytes - step.state_bytes)
        memory = {**memory, "states": f"(int32_t *)(void *)({states})"}
    if step.encoding is not None and step.encoding.constants["centered"]:
        memory = {**memory, "centered": True}
    if step.reads_columns:
        memory = {**memory, "pointwise": True}
    arguments = (
        _source_struct(plan, step),
        _target(plan, step, origin=True),
        Struct("tb_conv_dense", memory),
        _rows(step, weights),
        _patch(plan, step),
        _pooling(step),
    )
    return Call("tb_conv_dense.h", "tb_conv_dense", arguments)


def _conv_stored(plan: Plan, step: Step, weights: str) -> Call:
    assert step.encoding is not None
    counts = step.encoding.array("counts")
    name = step.encoding.format
    assert counts is not None
    element = {"pairs": "struct tb_pair", "blocks": "struct tb_blocks", "sixteens": "struct tb_sixteen"}[name]
    stored: Fields = {
        f"counts{counts.values.dtype.itemsize * 8}": f"{weights}.counts",
        "entries": f"TB_{name.upper()}",
        name: f"(const {element} *)(const void *){weights}.{name}",
    }
    arguments = (
        _source_struct(plan, step),
        _target(plan, step, origin=True),
        Struct("tb_stored", stored),
        _rows(step, weights),
        _walk(step),
        _pooling(step),
    )
    return Call("tb_conv.h", f"tb_{step.kernel}", arguments)


def _conv(plan: Plan, step: Step, weights: str) -> Call:
    scratch = plan.scratch(step)
    pairs = (f"(struct tb_pair *)(void *)({_at(scratch.offset)})",) if scratch else ()
    arguments = (
        _source_struct(plan, step),
        _target(plan, step, origin=True),
        _weights(step, weights),
        _rows(step, weights),
        _walk(step),
        _pooling(step),
        *pairs,
    )
    return Call("tb_conv.h", f"tb_{step.kernel}", arguments)


def _conv_depthwise(plan: Plan, step: Step, weights: str) -> Call:
    walk, field = _walk(step).fields, step.field(plan.graph.input)
    assert step.encoding is not None
    assert field is not None
    constants = step.encoding.constants
    height, width, _ = step.target.tensor.hwc
    geometry: Fields = {
        "values": f"{weights}.values",
        "each": constants["outputs_each"],
        "taps_height": constants["tap_rows"],
        "taps_width": constants["tap_columns"],
        "tap_down": constants["taps_down"] * step.source.stride_bytes,
        "tap_right": constants["taps_right"] * step.source.tensor.channels,
        "row_stride": walk["row_stride"],
        "column_stride": walk["column_stride"],
        "height": height,
        "width": width,
        "output_row_gap": step.target.row_gap_bytes,
        "aligned": field.aligned,
    }
    arguments = (
        _source_struct(plan, step),
        _target(plan, step, origin=True),
        Struct("tb_depthwise", geometry),
        _rows(step, weights),
    )
    return Call("tb_conv_depthwise.h", "tb_conv_depthwise", arguments)


def _conv_planes(plan: Plan, step: Step, weights: str) -> Call:
    return planes.conv_planes(plan, step, weights, _rows(step, weights))


def _select(plan: Plan, step: Step, weights: str) -> Call:
    assert step.encoding is not None
    runs = step.encoding.array("runs")
    assert runs is not None
    arguments = (_source(plan, step), _target(plan, step, origin=True), f"{weights}.runs", str(runs.values.size // 2))
    return Call("tb_map.h", "tb_select", arguments)


def _elements(step: Step) -> Struct:
    source, target = step.source, step.target
    whole = not target.has_margins
    return Struct(
        "tb_elements",
        {
            "rows": 1 if whole else source.height,
            "row_bytes": source.tensor.elements if whole else source.row_bytes,
            "output_row_gap": 0 if whole else target.row_gap_bytes,
        },
    )


def _pointwise(plan: Plan, step: Step, weights: str) -> Call:
    arguments = (_source(plan, step), _target(plan, step, origin=True), _elements(step), f"{weights}.table")
    return Call("tb_pointwise.h", "tb_pointwise", arguments)


def _requantize(plan: Plan, step: Step, _weights_name: str) -> Call:
    node = step.node
    assert isinstance(node, Requantize)
    requant = f"&(const struct tb_requant){_requant(node.requant, node.name, bound=255)}"
    arguments = (_source_struct(plan, step), _target(plan, step, origin=True), _elements(step), requant)
    return Call("tb_pointwise.h", "tb_requantize_codes", arguments)


def _vectors(step: Step) -> Struct:
    # A flattened tensor is stored as the map that it came from.
    height, width, _ = step.target.tensor.hwc
    channels = step.source.tensor.elements // (height * width)
    gap = step.target.row_gap_bytes
    fields: Fields = {
        "rows": height if gap else 1,
        "columns": width if gap else height * width,
        "channels": channels,
        "output_row_gap": gap,
    }
    return Struct("tb_vectors", fields)


def _softmax(plan: Plan, step: Step, weights: str) -> Call:
    assert isinstance(step.node, Softmax)
    assert step.encoding is not None
    fields: Fields = {
        "exponentials": f"{weights}.exponentials",
        "last": step.encoding.constants["last"],
        "high_bits": step.node.high.bit_length(),
    }
    arguments = (
        _source_struct(plan, step),
        _target(plan, step, origin=True),
        _vectors(step),
        Struct("tb_softmax", fields),
    )
    return Call("tb_softmax.h", "tb_softmax", arguments)


def _argmax(plan: Plan, step: Step, _weights_name: str) -> Call:
    arguments = (_source_struct(plan, step), _target(plan, step, origin=True), _vectors(step))
    return Call("tb_softmax.h", "tb_argmax", arguments)


def _affine(plan: Plan, step: Step, weights: str) -> Call:
    node = step.node
    assert isinstance(node, Affine)
    tables = {name: f"{weights}.{name}" for name in ("multipliers", "offsets")}
    affine = Struct("tb_affine", {**tables, "shift": node.shift, "low": node.low, "high": node.high})
    arguments = (_source_struct(plan, step), _target(plan, step, origin=True), _vectors(step), affine)
    return Call("tb_affine.h", "tb_affine", arguments)


def _pad(plan: Plan, step: Step, _weights_name: str) -> Call:
    arguments = (_source(plan, step), _target(plan, step, origin=False), _layout(step.target))
    return Call("tb_map.h", "tb_pad", arguments)


def zero_margins(plan: Plan, step: Step) -> Call | None:
    """The call that clears the margins of a step's target, where it has any and its kernel does not do it."""
    if not step.target.has_margins or step.op == "pad":
        return None
    return Call("tb_map.h", "tb_zero_margins", (_target(plan, step, origin=False), _layout(step.target)))


CALLS: dict[str, Callable[[Plan, Step, str], Call | tuple[Call, ...]]] = {
    "linear_dense": _linear,
    "linear_index": _linear,
    "linear_huffman": _linear,
    "linear_gather": _linear,
    "linear_blocks4x1": _linear,
    "linear_blocks1x4": _linear,
    "linear_blocks1x16": _linear,
    "linear_delta": _linear,
    "linear_grouped": _linear,
    "linear_straight": _straight,
    "conv_dense": _conv_dense,
    "conv_index": _conv,
    "conv_huffman": _conv,
    "conv_pairs": _conv_stored,
    "conv_blocks": _conv_stored,
    "conv_sixteens": _conv_stored,
    "conv_depthwise": _conv_depthwise,
    "conv_planes": _conv_planes,
    "max_pool": pools.pool,
    "average_pool": pools.pool,
    "select": _select,
    "pointwise": _pointwise,
    "requantize": _requantize,
    "softmax": _softmax,
    "argmax": _argmax,
    "add": joins.add,
    "multiply": joins.multiply,
    "concat": joins.concat,
    "affine": _affine,
    "rearrange": copies.rearrange,
    "constant_pad": copies.constant_pad,
    "max_pool_spans": pools.pool_spans,
    "average_pool_spans": pools.pool_spans,
    **recurrent.CALLS,
    "pad": _pad,
}
