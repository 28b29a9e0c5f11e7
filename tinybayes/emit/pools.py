"""Kernel calls of pooling on its own."""

from tinybayes.emit.arguments import Call, Struct, requant, source_struct, target
from tinybayes.ir import AveragePool, AveragePoolSpans, MaxPool, SpanPool
from tinybayes.plan import Plan, Step


def pool(plan: Plan, step: Step, _weights_name: str) -> Call:
    """Windows of one size."""
    node, read, written = step.node, step.source, step.target
    assert isinstance(node, MaxPool | AveragePool)
    geometry = Struct(
        "tb_pool",
        {
            "input_row_bytes": read.stride_bytes,
            "channels": read.tensor.channels,
            "window_height": node.window[0],
            "window_width": node.window[1],
            "stride_height": node.stride[0],
            "stride_width": node.stride[1],
            "height": written.tensor.hwc[0],
            "width": written.tensor.hwc[1],
            "output_row_gap": written.row_gap_bytes,
        },
    )
    average = "NULL"
    if isinstance(node, AveragePool):
        bound = 255 * node.window[0] * node.window[1]
        average = f"&(const struct tb_requant){requant(node.requant, node.name, bound=bound)}"
    arguments = (source_struct(plan, step.source), target(plan, step, origin=True), geometry, average)
    return Call("tb_map.h", "tb_pool", arguments)


def pool_spans(plan: Plan, step: Step, weights: str) -> Call:
    """Windows that differ."""
    node, read, written = step.node, step.source, step.target
    assert isinstance(node, SpanPool)
    assert step.encoding is not None
    classes = [name for name in ("row_classes", "column_classes") if step.encoding.array(name) is not None]
    geometry = Struct(
        "tb_spans",
        {
            **{name: f"{weights}.{name}" for name in ("rows", "columns", *classes)},
            "height": len(node.rows),
            "width": len(node.columns),
            "channels": read.tensor.channels,
            "input_row_bytes": read.stride_bytes,
            "output_row_gap": written.row_gap_bytes,
        },
    )
    average = "NULL"
    if isinstance(node, AveragePoolSpans):
        multipliers, bound = f"{weights}.multipliers", 255 * node.largest_window
        average = f"&(const struct tb_requant){requant(node.requant, node.name, multipliers=multipliers, bound=bound)}"
    arguments = (source_struct(plan, step.source), target(plan, step, origin=True), geometry, average)
    return Call("tb_spans.h", "tb_pool_spans", arguments)
