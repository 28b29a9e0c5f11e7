"""How far a step's output may lie over its input: a kernel that goes forward no longer needs what it has passed."""

from dataclasses import dataclass

from tinybayes.ir import (
    Add,
    Affine,
    AveragePool,
    Conv,
    MaxPool,
    Multiply,
    Pointwise,
    Requantize,
    Select,
    Softmax,
    SpanPool,
)
from tinybayes.plan.formats import UNPACKED, dense
from tinybayes.plan.steps import FIELDS, Step
from tinybayes.plan.storage import Storage

ELEMENTWISE = (Pointwise, Requantize, Softmax, Add, Multiply, Affine)
"""Operators that write each element where they have read it last, in order."""


@dataclass(frozen=True)
class Motion:
    """What a kernel reads and writes at once, in order: (first byte read, last byte written + 1) of each group.

    ``buffered`` says that a group's input is copied before any of its output is written.
    """

    groups: tuple[tuple[int, int], ...]
    buffered: bool


def lead_bytes(step: Step, source: Storage | None = None) -> int | None:
    """How many bytes before ``source`` the target of ``step`` must begin at least; None where it may not overlap.

    ``source`` is one of the step's, by default the first.
    """
    source = source or step.source
    if isinstance(step.node, Select):
        return 0
    if isinstance(step.node, ELEMENTWISE):
        target = step.target
        if source.tensor.elements != target.tensor.elements:
            return None
        if not source.has_margins and not target.has_margins:
            return 0
        shifts = (y * (target.stride_bytes - source.stride_bytes) for y in range(source.height))
        return target.origin_bytes + max(0, *shifts, 0)
    motion = _motion(step)
    if motion is None:
        return None
    lead = 0
    still_needed: int | None = None
    for read, written in reversed(motion.groups):
        now = read if still_needed is None else min(read, still_needed)
        needed = still_needed if motion.buffered else now
        if needed is not None:
            lead = max(lead, written - needed)
        still_needed = now
    return lead


def _motion(step: Step) -> Motion | None:
    node = step.node
    if isinstance(node, Conv) and step.format not in UNPACKED:
        window = step.pool.window if step.pool is not None else (1, 1)
        stride = step.pool.stride if step.pool is not None else (1, 1)
        top, _, left, _ = (0, 0, 0, 0) if step.source.has_margins else node.padding
        moves = (stride[0] * node.stride[0], stride[1] * node.stride[1])
        size = window[0] * window[1]
        buffered = step.format == dense.NAME
        per_group = FIELDS // size if size <= FIELDS else 1
        groups = _groups(step, moves, (top, left), per_group, across_rows=buffered)
        return Motion(groups, buffered and not step.reads_columns)
    if isinstance(node, MaxPool | AveragePool):
        return Motion(_groups(step, node.stride, (0, 0), 1, across_rows=False), buffered=False)
    if isinstance(node, SpanPool):
        return Motion(_span_groups(step, node), buffered=False)
    return None


def _span_groups(step: Step, node: SpanPool) -> tuple[tuple[int, int], ...]:
    target = step.target
    return tuple(
        (
            _address(step, top, left),
            target.origin_bytes + y * target.stride_bytes + (x + 1) * target.tensor.channels,
        )
        for y, (top, _) in enumerate(node.rows)
        for x, (left, _) in enumerate(node.columns)
    )


def _groups(
    step: Step, moves: tuple[int, int], origin: tuple[int, int], per_group: int, *, across_rows: bool
) -> tuple[tuple[int, int], ...]:
    """Groups of windows that move ``moves`` (rows, columns) of the source, the first from ``origin`` before it."""
    source, target = step.source, step.target
    height, width, channels = target.tensor.hwc
    rows = [[(y, x) for x in range(width)] for y in range(height)]
    lines = [[at for row in rows for at in row]] if across_rows else rows
    groups = []
    for line in lines:
        for start in range(0, len(line), per_group):
            windows = line[start : start + per_group]
            first = min(
                _address(step, max(0, y * moves[0] - origin[0]), max(0, x * moves[1] - origin[1])) for y, x in windows
            )
            y, x = windows[-1]
            end = target.origin_bytes + y * target.stride_bytes + (x + 1) * channels
            groups.append((min(first, source.total_bytes), end))
    return tuple(groups)


def _address(step: Step, row: int, column: int) -> int:
    return row * step.source.stride_bytes + column * step.source.tensor.channels
