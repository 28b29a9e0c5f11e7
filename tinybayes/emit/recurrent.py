"""Kernel calls of recurrent operators."""

from tinybayes.emit.arguments import Call, Fields, Struct, at, requant, source_struct, target
from tinybayes.errors import InternalError
from tinybayes.ir import Linear, Lstm, Recurrent
from tinybayes.ir.nodes import Gru
from tinybayes.plan import Encoding, Plan, Step
from tinybayes.plan.bounds import accumulator_bound
from tinybayes.plan.formats import RECURRENT_FORMATS
from tinybayes.plan.formats.recurrent import PARTS, STATE_RANGE, part_of
from tinybayes.plan.recurrent_memory import memory

_STRUCTS = {"dense": "tb_dense", "index": "tb_index_words", "huffman": "tb_huffman"}
_ARRAYS = {
    "dense": ("values",),
    "index": ("counts", "words"),
    "huffman": ("stream", "gap_table", "value_table"),
}
_PARAMETERS = {
    "dense": ("columns",),
    "index": ("columns",),
    "huffman": ("gap_bits", "value_bits", "columns", "first_column", "first_value"),
}


def recurrent(plan: Plan, step: Step, weights: str) -> Call:
    """Both matrices in their format, what their rows need besides, and the operator itself."""
    node = step.node
    if not isinstance(node, Recurrent) or step.encoding is None:
        raise InternalError(f"{step.name}: a recurrent layer has no weights")
    ranges = step.source.tensor.code_range, STATE_RANGE[node.state_bits]
    matrices: list[Struct] = []
    for part, layer, codes in zip(PARTS, (node.from_input, node.from_state), ranges, strict=True):
        stored = part_of(step.encoding, part)
        matrices += [_weights(stored, f"{weights}.{part}"), _rows(layer, stored, f"{weights}.{part}", codes)]
    read, written = source_struct(plan, step.source), target(plan, step, origin=True)
    return Call("tb_recurrent.h", f"tb_{step.kernel}", (read, written, *matrices, _layer(plan, step, node, weights)))


def _weights(stored: Encoding, prefix: str) -> Struct:
    arrays: Fields = {name: f"{prefix}_{name}" for name in _ARRAYS[stored.format]}
    numbers: Fields = {name: stored.constants[name] for name in _PARAMETERS[stored.format]}
    fours: Fields = {"by_fours": bool(stored.constants["by_fours"])} if "by_fours" in stored.constants else {}
    return Struct(_STRUCTS[stored.format], {**arrays, **numbers, **fours})


def _rows(layer: Linear, stored: Encoding, prefix: str, codes: tuple[int, int]) -> Struct:
    bound = accumulator_bound(layer, codes)
    fields: Fields = {
        "count": layer.outputs,
        f"bias{stored.constants['bias_bits']}": f"{prefix}_bias",
        "bias_shift": stored.constants["bias_shift"],
        "requant": requant(layer.requant, layer.name, multipliers=f"{prefix}_multipliers", bound=bound),
    }
    return Struct("tb_rows", fields)


def _layer(plan: Plan, step: Step, node: Recurrent, weights: str) -> Struct:
    scratch = plan.scratch(step)
    assert scratch is not None
    positions, channels = step.source.tensor.shape
    places = memory(node, channels)
    wanted = {"gates": places.gates, "held": places.held, "kept": places.kept}
    halves: Fields = {
        name: f"(int16_t *)(void *)({at(scratch.offset + place)})"
        for name, place in wanted.items()
        if place is not None
    }
    wide: Fields = {"low": at(scratch.offset + places.low)} if places.low is not None else {}
    cells: Fields = {"cell_fraction": node.cell_fraction_bits} if isinstance(node, Lstm) else {}
    fields: Fields = {
        "positions": positions,
        "channels": channels,
        "units": node.units,
        "last_only": node.last_only,
        **({"backward": True} if node.backward else {}),
        "wide": node.state_bits == 16,
        "widen": 12 - node.gate_fraction_bits,
        "output_shift": node.output_shift,
        **cells,
        "curve": f"{weights}.curve",
        "given": at(scratch.offset + places.given),
        **halves,
        "operand": at(scratch.offset + places.operand),
        **wide,
    }
    return Struct("tb_recurrent", fields)


CALLS = {f"{op}_{name}": recurrent for op in (Gru.op, Lstm.op) for name in RECURRENT_FORMATS}
"""By kernel, the calls of recurrent operators."""
