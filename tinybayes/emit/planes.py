"""The kernel call of a depthwise convolution that goes channel by channel."""

from tinybayes.emit.arguments import Call, Struct, at, source_struct, target
from tinybayes.plan import Plan, Step


def conv_planes(plan: Plan, step: Step, weights: str, rows: Struct) -> Call:
    """One copy and one pass for each channel."""
    scratch = plan.scratch(step)
    assert scratch is not None
    planes = step.planes
    lines, columns = planes.lines, planes.columns
    plane_lines, plane_columns = planes.plane
    geometry = Struct(
        "tb_planes",
        {
            "values": f"{weights}.values",
            "plane": at(scratch.offset),
            "halves": planes.halves,
            "plane_lines": plane_lines,
            "plane_columns": plane_columns,
            "lines": lines.size,
            "columns": columns.size,
            "line_stride": lines.stride_bytes,
            "column_stride": columns.stride_bytes,
            "before_lines": lines.before,
            "before_columns": columns.before,
            "taps_lines": lines.taps,
            "taps_columns": columns.taps,
            "tap_line_stride": lines.tap_stride,
            "tap_column_stride": columns.tap_stride,
            "step_lines": lines.step,
            "step_columns": columns.step,
            "output_lines": lines.outputs,
            "output_columns": columns.outputs,
            "output_line_stride": lines.output_stride_bytes,
            "output_column_stride": columns.output_stride_bytes,
        },
    )
    arguments = (source_struct(plan, step.source), target(plan, step, origin=True), geometry, rows)
    return Call("tb_conv_planes.h", "tb_conv_planes", arguments)
