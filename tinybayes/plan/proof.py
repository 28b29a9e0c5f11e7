"""Proves an arena by simulation: shares nothing with the planner that made it."""

from collections.abc import Iterable, Sequence

import numpy as np

from tinybayes.errors import InternalError
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
from tinybayes.plan.arena import Buffer
from tinybayes.plan.steps import Step
from tinybayes.plan.storage import Storage

NEVER = -1


def prove(buffers: Iterable[Buffer], size_bytes: int, steps: int) -> None:
    """Walks through the steps and paints each live buffer's bytes; raises InternalError on any byte painted twice.

    A buffer may be painted over the one that it names; ``prove_overlaps`` sees to that.
    """
    rows = [(b.name, b.offset, b.size_bytes, b.first_step, b.last_step, b.over) for b in buffers]
    for step in range(steps):
        owner = np.full(size_bytes, NEVER)
        for number, (name, offset, length, first, last, over) in enumerate(rows):
            if not first <= step <= last:
                continue
            if offset < 0 or offset + length > size_bytes or offset % 4:
                raise InternalError(f"arena: {name} at {offset}..{offset + length} of {size_bytes} bytes")
            span = owner[offset : offset + length]
            for other in np.unique(span[span != NEVER]).tolist():
                under, _, _, begun, _, above = rows[other]
                if not (over == under and step == first) and not (above == name and step == begun):
                    raise InternalError(f"arena: {name} and {under} overlap in step {step}")
            span[:] = number


def prove_overlaps(steps: Sequence[Step], buffers: Sequence[Buffer]) -> None:
    """Plays every step whose output lies over its input; raises InternalError where it overwrites what it still reads.

    Windows are numbered in the order in which kernels go through them. For every byte, the last window that reads it
    is compared with the first that writes it.
    """
    at = {buffer.name: buffer for buffer in buffers}
    for step in steps:
        for stored in step.sources:
            _prove_overlap(step, stored, at.get(step.tensor), at.get(stored.tensor.name))


def _prove_overlap(step: Step, stored: Storage, target: Buffer | None, source: Buffer | None) -> None:
    if target is None or source is None or target.offset >= source.end or source.offset >= target.end:
        return
    read, written, slack = _times(step, stored)
    start, end = max(target.offset, source.offset), min(target.end, source.end)
    last_read = read[start - source.offset : end - source.offset]
    first_written = written[start - target.offset : end - target.offset]
    if np.any((first_written != NEVER) & (last_read != NEVER) & (first_written < last_read + slack)):
        raise InternalError(f"arena: {step.name} overwrites what it still reads")


def _times(step: Step, source: Storage) -> tuple[np.ndarray, np.ndarray, int]:
    """(last window that reads each byte of the source, window that writes each byte of the target, slack).

    ``slack`` is 1 where a window's output may be written while the same window is still being read. Margins are written
    last of all.
    """
    target, node = step.target, step.node
    read, written = np.full(source.total_bytes, NEVER), np.full(target.total_bytes, NEVER)
    if isinstance(node, Select):
        read[node.indices] = written[:] = np.arange(node.indices.size)
        return read, written, 0
    if isinstance(node, Pointwise | Requantize | Softmax | Add | Multiply | Affine):
        if source.tensor.elements != target.tensor.elements:
            raise InternalError(f"arena: {step.name} reads {source.tensor.name} again for every position")
        order = np.arange(source.tensor.elements)
        read.reshape(-1, source.stride_bytes)[:, : source.row_bytes] = order.reshape(source.height, -1)
        rows = written[target.margins[0] * target.stride_bytes :].reshape(-1, target.stride_bytes)
        rows[: target.height, target.left_bytes : target.left_bytes + target.row_bytes] = order.reshape(
            target.height, -1
        )
        return read, written, 0
    together, shift = 1, (0, 0)
    if isinstance(node, Conv):
        pool, pool_stride = ((1, 1), (1, 1)) if step.pool is None else (step.pool.window, step.pool.stride)
        together = max(1, 4 // (pool[0] * pool[1]))
        down, right = node.stride
        window = ((pool[0] - 1) * down + node.kernel[0], (pool[1] - 1) * right + node.kernel[1])
        moves = (pool_stride[0] * down, pool_stride[1] * right)
        shift = (0, 0) if source.has_margins else (node.padding[0], node.padding[2])
    elif isinstance(node, SpanPool):
        return (*_span_times(step, node), 1)
    elif isinstance(node, MaxPool | AveragePool):
        window, moves = node.window, node.stride
    else:
        raise InternalError(f"arena: {step.name} cannot write over what it reads")
    dense = step.format == "dense"
    pixels = read.reshape(-1, source.stride_bytes // source.tensor.channels, source.tensor.channels)
    height, width, channels = target.tensor.hwc
    for y in range(height):
        for x in range(width):
            # Several windows are read before any of them is written; across the ends of rows if they are copied.
            group = (y * width + x) // together if dense else y * width + x // together
            top, left = y * moves[0] - shift[0], x * moves[1] - shift[1]
            pixels[max(0, top) : max(0, top + window[0]), max(0, left) : max(0, left + window[1])] = group
            first = target.origin_bytes + y * target.stride_bytes + x * channels
            written[first : first + channels] = group
    copied = dense and not step.reads_columns
    return read, written, 0 if copied else 1


def _span_times(step: Step, node: SpanPool) -> tuple[np.ndarray, np.ndarray]:
    source, target = step.source, step.target
    read, written = np.full(source.total_bytes, NEVER), np.full(target.total_bytes, NEVER)
    pixels = read.reshape(-1, source.stride_bytes // source.tensor.channels, source.tensor.channels)
    windows = [(row, column) for row in enumerate(node.rows) for column in enumerate(node.columns)]
    for window, ((y, (top, bottom)), (x, (left, right))) in enumerate(windows):
        pixels[top:bottom, left:right] = window
        first = target.origin_bytes + y * target.stride_bytes + x * target.tensor.channels
        written[first : first + target.tensor.channels] = window
    return read, written
