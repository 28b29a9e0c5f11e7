"""Kernel calls that copy a block of elements from one memory order to another."""

from collections.abc import Sequence

from tinybayes.emit.arguments import Call, Struct, requant, source_struct, target
from tinybayes.ir import ConstantPad, Rearrange, Requant
from tinybayes.plan import Plan, Step

_DIMENSIONS = 3
_LARGEST_CODE = 255


def copy(
    where: str,
    source: Struct,
    output: str,
    sizes: Sequence[int],
    strides_bytes: tuple[Sequence[int], Sequence[int]],
    into: Requant | None = None,
) -> Call:
    """Copies ``sizes`` elements, with strides (of the source, of the output), perhaps requantized ``into`` a grid."""
    counts, read, written = _joined(sizes, *strides_bytes)
    fields = {"counts": _list(counts), "input_strides": _list(read), "output_strides": _list(written)}
    bound = f"&(const struct tb_requant){requant(into, where, bound=_LARGEST_CODE)}" if into is not None else "NULL"
    return Call("tb_copy.h", "tb_copy", (source, output, Struct("tb_block", fields), bound))


def rearrange(plan: Plan, step: Step, _weights: str) -> Call:
    """Elements in another order."""
    node = step.node
    assert isinstance(node, Rearrange)
    stored = source_struct(plan, step.source)
    begin = Struct(stored.type, {**stored.fields, "data": f"{stored.fields['data']} + {node.offset}"})
    written = (node.sizes[1] * node.sizes[2], node.sizes[2], 1)
    output = target(plan, step, origin=True)
    return copy(node.name, begin if node.offset else stored, output, node.sizes, (node.strides, written))


def constant_pad(plan: Plan, step: Step, _weights: str) -> tuple[Call, Call]:
    """Fills all of the output, then copies the input into it."""
    node, stored, into = step.node, step.source, step.target
    assert isinstance(node, ConstantPad)
    strides = into.strides_bytes
    sizes = plan.graph.tensors[node.input].hwc
    written = sum(before * stride for before, stride in zip(node.before, strides, strict=True))
    read = (sizes[1] * sizes[2], sizes[2], 1)
    layout = {
        "rows": into.height,
        "row_bytes": into.row_bytes,
        "row_stride": into.stride_bytes,
        "code": node.code & 255,
    }
    fill = Call("tb_copy.h", "tb_fill", (target(plan, step, origin=True), Struct("tb_frame", layout)))
    output = target(plan, step, origin=True, offset=written)
    return fill, copy(node.name, source_struct(plan, stored), output, sizes, (read, strides), node.requant)


def _joined(sizes: Sequence[int], read: Sequence[int], written: Sequence[int]) -> tuple[list[int], ...]:
    """The same copy in as few loops as there can be: those in front, which are not needed, run once.

    >>> _joined((4, 5, 3), (15, 3, 1), (30, 6, 1))
    ([1, 20, 3], [0, 3, 1], [0, 6, 1])
    """
    loops: list[tuple[int, int, int]] = []
    for size, a, b in zip(sizes, read, written, strict=True):
        if size == 1:
            continue
        if loops and loops[-1][1:] == (size * a, size * b):
            loops[-1] = (loops[-1][0] * size, a, b)
        else:
            loops.append((size, a, b))
    padded = [(1, 0, 0)] * (_DIMENSIONS - len(loops)) + loops
    counts, inputs, outputs = zip(*padded, strict=True)
    return list(counts), list(inputs), list(outputs)


def _list(values: Sequence[int]) -> str:
    return "{" + ", ".join(map(str, values)) + "}"
