"""Networks as chains: which layer decides the scale of a tensor, and what passes it on unchanged."""

import math
from dataclasses import dataclass

from tinybayes.errors import InternalError, UnsupportedError, UserError
from tinybayes.ir import (
    ArgMax,
    AveragePool,
    AveragePoolSpans,
    Flatten,
    Graph,
    MacNode,
    MaxPool,
    MaxPoolSpans,
    Node,
    Pointwise,
    Relu,
    Requantize,
    Select,
    Softmax,
)
from tinybayes.ir.functions import CLAMP

PASSING = (MaxPool, MaxPoolSpans, Flatten, Select)
CLAMPED = (MacNode, AveragePool, AveragePoolSpans, Pointwise, Requantize)
"""Layers that make new codes, and can clamp them."""
GIVEN = (Softmax, ArgMax)
"""Layers that make new codes on a grid of their own, whatever the data."""


@dataclass(frozen=True, eq=False)
class Run:
    """A layer that makes new codes (None for the network's input) and the operators behind it that pass them on.

    The producer is a clamp where no layer is there to absorb it.
    """

    producer: Node | None
    passing: tuple[Node, ...]
    tensors: tuple[str, ...]

    @property
    def name(self) -> str:
        """The producer's name, for messages."""
        return self.producer.name if self.producer is not None else "input"

    @property
    def clamp(self) -> tuple[float, float]:
        """The real bounds of all clamps in the run; they commute with all that passes codes on."""
        low, high = -math.inf, math.inf
        for bounds in (clamp_of(node) for node in (self.producer, *self.passing) if node is not None):
            if bounds is not None:
                low, high = (min(max(bound, bounds[0]), bounds[1]) for bound in (low, high))
        return low, high


def clamp_of(node: Node) -> tuple[float, float] | None:
    """The bounds that ``node`` clamps to, or None where it is no clamp."""
    if isinstance(node, Relu):
        return 0.0, math.inf
    if isinstance(node, Pointwise) and node.function == CLAMP:
        return node.parameters[0], node.parameters[1]
    return None


def runs(graph: Graph) -> tuple[Run, ...]:
    """The network cut in front of every layer that makes new codes."""
    heads: list[Node | None] = [None]
    tails: list[list[Node]] = [[]]
    current = graph.input
    for node in graph.nodes:
        if node.inputs != (current,):
            raise UnsupportedError(
                f"layer {node.name!r} reads {node.inputs[0]!r}, which is not the layer before it ({current!r}): only "
                "chains of layers are supported"
            )
        current = node.output
        head = heads[-1]
        clamps = isinstance(head, CLAMPED) or (head is not None and clamp_of(head) is not None)
        absorbed = clamp_of(node) is not None and clamps
        if isinstance(node, PASSING) or absorbed:
            tails[-1].append(node)
        elif isinstance(node, CLAMPED + GIVEN) or clamp_of(node) is not None:
            heads.append(node)
            tails.append([])
        else:
            raise InternalError(f"{node.name}: {node.op} should have been folded before this pass")
    return tuple(
        Run(head, tuple(tail), (head.output if head is not None else graph.input, *(node.output for node in tail)))
        for head, tail in zip(heads, tails, strict=True)
    )


def refuse_empty_layers(graph: Graph) -> None:
    """Raises UserError for a layer without a single nonzero weight."""
    for node in graph.mac_nodes:
        if node.nonzero == 0:
            raise empty_layer(node)


def empty_layer(node: MacNode) -> UserError:
    """The error for a layer whose output does not depend on the network's input."""
    return UserError(
        f"layer {node.name!r}: no weight that matters survived pruning (weight shape {node.dense_shape}), so the "
        "network's "
        "output would not depend on its input; keep more weights: lower the sparsity, the threshold or the KL weight"
    )
