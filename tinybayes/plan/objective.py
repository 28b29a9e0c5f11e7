"""Which weight format each layer gets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tinybayes.errors import InternalError
from tinybayes.ir import MacNode
from tinybayes.plan.cost import estimate_instructions
from tinybayes.plan.formats import FORMATS, Encoding, Field, Illegal

Objective = Literal["flash", "latency", "balanced"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A legal way to store and run a layer."""

    encoding: Encoding
    estimated_instructions: int


def _flash(candidates: Sequence[Candidate]) -> Candidate:
    return min(candidates, key=lambda c: (c.encoding.size_bytes, c.estimated_instructions))


def _latency(candidates: Sequence[Candidate]) -> Candidate:
    return min(candidates, key=lambda c: (c.estimated_instructions, c.encoding.size_bytes))


def _balanced(candidates: Sequence[Candidate]) -> Candidate:
    fewest_bytes = min(c.encoding.size_bytes for c in candidates)
    fewest_instructions = min(c.estimated_instructions for c in candidates)

    def excess(candidate: Candidate) -> float:
        bytes_ratio = candidate.encoding.size_bytes / fewest_bytes
        return bytes_ratio * candidate.estimated_instructions / fewest_instructions

    return min(candidates, key=excess)


OBJECTIVES: dict[str, Callable[[Sequence[Candidate]], Candidate]] = {
    "flash": _flash,
    "latency": _latency,
    "balanced": _balanced,
}


def candidates_for(node: MacNode, positions: int, *, largest_offset: int, field: Field | None = None) -> list[Candidate]:
    """Every legal candidate of a layer.

    ``field`` is the receptive field of a convolution. ``largest_offset`` is the farthest byte of a receptive field: sparse convolutions address it with 16 bits.
    """
    found = []
    for name, encode in FORMATS.items():
        if name != "dense" and largest_offset >= 2**16:
            continue
        encoding = encode(node, field)
        if not isinstance(encoding, Illegal):
            found.append(Candidate(encoding, estimate_instructions(node, name, positions)))
    if not found:
        raise InternalError(f"{node.name}: no weight format can store this layer")
    return found
