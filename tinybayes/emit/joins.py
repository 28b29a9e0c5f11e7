"""Kernel calls of operators with several inputs."""

from tinybayes.emit.arguments import Call, Struct, requant, source_struct, target
from tinybayes.emit.copies import copy
from tinybayes.errors import InternalError
from tinybayes.ir import Add, Concat, Multiply
from tinybayes.plan import Plan, Step

_LARGEST_CODE = 255


def add(plan: Plan, step: Step, _weights: str) -> Call:
    """A weighted sum of two tensors."""
    node = step.node
    assert isinstance(node, Add)
    if node.requant is None:
        raise InternalError(f"{node.name}: not an integer layer")
    first, second = node.requant.multipliers.tolist()
    fields = {"a": first, "b": second, "shift": node.requant.shift, "low": node.requant.low, "high": node.requant.high}
    return Call("tb_join.h", "tb_add", (*_operands(plan, step), Struct("tb_sum", fields)))


def multiply(plan: Plan, step: Step, _weights: str) -> Call:
    """A product of two tensors."""
    node = step.node
    assert isinstance(node, Multiply)
    product = f"&(const struct tb_requant){requant(node.requant, node.name, bound=_LARGEST_CODE**2)}"
    return Call("tb_join.h", "tb_multiply", (*_operands(plan, step), product))


def _operands(plan: Plan, step: Step) -> tuple[Struct, Struct, str, Struct]:
    a, b = (source_struct(plan, stored) for stored in step.sources)
    return a, b, target(plan, step, origin=True), _join(step)


def _join(step: Step) -> Struct:
    first, second = step.sources
    rows = step.target.height if step.target.has_margins else 1
    spread = first.tensor.elements != second.tensor.elements
    elements = first.tensor.elements // rows
    columns = elements // second.tensor.elements if spread else 1
    fields = {
        "rows": rows,
        "columns": columns,
        "elements": elements // columns,
        "spread": spread,
        "output_row_gap": step.target.row_gap_bytes if rows > 1 else 0,
    }
    return Struct("tb_join", fields)


def concat(plan: Plan, step: Step, _weights: str) -> tuple[Call, ...]:
    """One copy for each input."""
    node = step.node
    assert isinstance(node, Concat)
    strides = step.target.strides_bytes
    made = []
    begin = 0
    for name, stored, into in zip(node.inputs, step.sources, node.requants, strict=True):
        sizes = plan.graph.tensors[name].hwc  # a flattened tensor is stored as the map that it came from
        contiguous = (sizes[1] * sizes[2], sizes[2], 1)
        output = target(plan, step, origin=True, offset=begin * strides[node.axis])
        made.append(copy(node.name, source_struct(plan, stored), output, sizes, (contiguous, strides), into))
        begin += sizes[node.axis]
    return tuple(made)
