"""Every legal way to run each part of a network: one layer, or a selection of inputs and the layer that reads it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinybayes.errors import InternalError, UserError
from tinybayes.ir import Conv, MacNode, Recurrent, Select
from tinybayes.ir.nodes import Linear
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.cost_conv import estimate_conv_cycles
from tinybayes.plan.cost_linear import LinearLayer, estimate_linear_cycles, estimate_select_cycles
from tinybayes.plan.cost_recurrent import recurrent_cycles
from tinybayes.plan.cost_unary import estimate_margin_cycles, estimate_unary_cycles
from tinybayes.plan.formats import FORMATS, RECURRENT_FORMATS, WITHOUT_MARGINS, Encoding, Illegal, Site
from tinybayes.plan.sharing import TableKey, table_key
from tinybayes.plan.steps import Step, with_margins


@dataclass(frozen=True, eq=False)
class Candidate:
    """Steps that do what a part of the network does, with what they cost.

    ``margin_cycles`` are those of the zero margins that the steps want around what they read, which come before them.
    """

    steps: tuple[Step, ...]
    margin_cycles: int = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of constants in flash."""
        return sum(step.weights_bytes for step in self.steps)

    @property
    def estimated_cycles(self) -> int:
        """Estimated cycles of the steps and of the margins that they want."""
        return sum(step.estimated_cycles for step in self.steps) + self.margin_cycles

    @property
    def tables(self) -> dict[TableKey, int]:
        """Bytes of those constants that other parts may share, by what they are."""
        return {key: step.weights_bytes for step in self.steps if (key := table_key(step)) is not None}

    @property
    def formats(self) -> tuple[tuple[str, str | None], ...]:
        """Name and weight format of each step."""
        return tuple((step.name, step.format) for step in self.steps)


def bytes_together(candidates: Sequence[Candidate]) -> int:
    """Bytes of constants in flash of candidates of different parts, those that they share counted once."""
    shared = {key: size for candidate in candidates for key, size in candidate.tables.items()}
    alone = sum(candidate.size_bytes - sum(candidate.tables.values()) for candidate in candidates)
    return alone + sum(shared.values())


def parts(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """The steps, those together that a candidate can replace together."""
    found: list[tuple[Step, ...]] = []
    read = Counter(source.tensor.name for step in steps for source in step.sources)
    position = 0
    while position < len(steps):
        both = steps[position : position + 2]
        together = len(both) == 2 and both[0].op == Select.op and both[1].op == Linear.op
        together = together and both[1].source.tensor.name == both[0].tensor and read[both[0].tensor] == 1
        found.append(tuple(both) if together else (steps[position],))
        position += len(found[-1])
    return found


def candidates_of(part: Sequence[Step], core: CoreClass, network_input: str = "") -> list[Candidate]:
    """Every legal candidate of a part on a class of cores; ``network_input`` is the tensor that may lie anywhere."""
    *before, step = part
    if isinstance(step.node, Recurrent):
        return [Candidate((encoded,)) for encoded in _encoded_recurrent(step, step.node, core)]
    if not isinstance(step.node, MacNode):
        return [Candidate((replace(step, estimated_cycles=estimate_unary_cycles(step, core)),))]
    costed = [replace(one, estimated_cycles=estimate_select_cycles(one.encoding, core)) for one in before]
    found = [
        Candidate((*costed, encoded), _margin_cycles(encoded, core))
        for encoded in encoded_steps(step, core, network_input)
    ]
    if before:
        whole = _without_selection(before[0], step)
        found += [Candidate((encoded,)) for encoded in encoded_steps(whole, core, network_input)]
    if not found:
        raise InternalError(f"{step.name}: no weight format can store this layer")
    return found


def pinned(candidates: Sequence[Candidate], formats: Mapping[str, str | None]) -> Candidate:
    """The candidate whose steps and formats are those in ``formats``, by name of the step."""
    names = {name for candidate in candidates for name, _ in candidate.formats}
    wanted = {name: formats[name] for name in names if name in formats}
    for candidate in candidates:
        if dict(candidate.formats) == wanted:
            return candidate
    raise UserError(f"no weight formats of {', '.join(sorted(names))} are legal that are {wanted}")


def encoded_steps(step: Step, core: CoreClass, network_input: str) -> Iterator[Step]:
    """The step in every legal weight format."""
    node = step.node
    assert isinstance(node, MacNode)
    site = Site(core, step.source.tensor.code_range, step.field(network_input))
    for (op, name), encode in FORMATS.items():
        # Sparse convolutions address the receptive field with 16 bits; others copy it, or a channel of it.
        if op != node.op or (name not in WITHOUT_MARGINS and step.largest_offset >= 2**16):
            continue
        encoding = encode(node, site)
        if not isinstance(encoding, Illegal):
            yield replace(step, encoding=encoding, estimated_cycles=_cycles(node, encoding, step, core))


def _encoded_recurrent(step: Step, node: Recurrent, core: CoreClass) -> Iterator[Step]:
    site = Site(core, step.source.tensor.code_range)
    for encode in RECURRENT_FORMATS.values():
        encoding = encode(node, site)
        if not isinstance(encoding, Illegal):
            cycles = recurrent_cycles(node, encoding, step.source.tensor, core)
            yield replace(step, encoding=encoding, estimated_cycles=cycles)


def _cycles(node: MacNode, encoding: Encoding, step: Step, core: CoreClass) -> int:
    if encoding.code is not None:
        return encoding.code.cycles
    if isinstance(node, Conv):
        return estimate_conv_cycles(step, encoding, core)
    return estimate_linear_cycles(LinearLayer(node, encoding, step.source.tensor), core)


def _margin_cycles(step: Step, core: CoreClass) -> int:
    """Estimated cycles of the margins that a step wants: cleared by the step before, or around a copy of the input."""
    *pads, wanting = with_margins([step])
    if step.source.tensor.name == step.network_input:
        return sum(estimate_unary_cycles(pad, core) for pad in pads)
    return estimate_margin_cycles(wanting.source, core)


def _without_selection(select: Step, step: Step) -> Step:
    """The layer as it reads the whole tensor, with zero weights where nothing was selected."""
    node, chosen = step.node, select.node
    assert isinstance(node, Linear)
    assert isinstance(chosen, Select)
    weight = np.zeros((node.outputs, 1, 1, select.source.tensor.elements), node.weight.dtype)
    weight[..., chosen.indices] = node.weight
    whole = replace(node, inputs=chosen.inputs, weight=weight)
    return replace(step, node=whole, source=select.source)
