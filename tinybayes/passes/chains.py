"""Which layer decides the grid of a tensor, and what passes its codes on unchanged."""

import math
from collections import Counter
from dataclasses import dataclass

from tinybayes.errors import InternalError, UserError
from tinybayes.ir import (
    Add,
    ArgMax,
    AveragePool,
    AveragePoolSpans,
    BatchNorm,
    Concat,
    ConstantPad,
    Flatten,
    Graph,
    MacNode,
    MaxPool,
    MaxPoolSpans,
    Multiply,
    Node,
    Pointwise,
    Rearrange,
    Recurrent,
    Relu,
    Requantize,
    Select,
    Softmax,
)
from tinybayes.ir.functions import CLAMP

PASSING = (MaxPool, MaxPoolSpans, Flatten, Select, Rearrange)
CLAMPED = (MacNode, AveragePool, AveragePoolSpans, Pointwise, Requantize, Add, Multiply, Concat, BatchNorm, ConstantPad)
"""Layers that make new codes, and can clamp them."""
BY_CHANNEL = (AveragePool, AveragePoolSpans, MaxPool, MaxPoolSpans, Flatten, Pointwise, Requantize)
"""Operators of which each output channel depends on the same input channel alone."""
GIVEN = (Softmax, ArgMax, Recurrent)
"""Layers that make new codes on a grid of their own, and clamp nothing more."""


@dataclass(frozen=True, eq=False)
class Run:
    """A layer that makes new codes (None for the network's input) and the operators behind it that pass them on.

    The producer is a clamp where no layer is there to absorb it. ``tensors`` are all that have the run's grid, the
    producer's first; ``ends`` those of them that other runs read, or that are the network's output.
    """

    producer: Node | None
    passing: tuple[Node, ...]
    tensors: tuple[str, ...]
    ends: tuple[str, ...]

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


def passes_on(node: Node) -> bool:
    """Whether ``node`` passes codes on unchanged; zeros around them are on every grid."""
    return isinstance(node, PASSING) or (isinstance(node, ConstantPad) and node.value == 0)


def readers(graph: Graph) -> Counter[str]:
    """How often each tensor is read; being the network's output counts, too."""
    return Counter([graph.output, *(name for node in graph.nodes for name in node.inputs)])


def runs(graph: Graph) -> tuple[Run, ...]:
    """The network cut in front of every layer that makes new codes, in execution order.

    A clamp joins the run before it only where nothing reads what it would not have clamped.
    """
    heads: list[Node | None] = [None]
    members: list[list[str]] = [[graph.input]]
    tails: list[list[Node]] = [[]]
    run_of = {graph.input: 0}
    read = readers(graph)
    for node in graph.nodes:
        place = run_of[node.input]
        head = heads[place]
        clamps = isinstance(head, CLAMPED) or (head is not None and clamp_of(head) is not None)
        alone = all(read[name] == 1 for name in members[place])
        bounds = clamp_of(node)
        framed = any(isinstance(other, ConstantPad) for other in tails[place])
        absorbed = bounds is not None and clamps and alone and (not framed or bounds[0] <= 0 <= bounds[1])
        if passes_on(node) or absorbed:
            tails[place].append(node)
        elif isinstance(node, CLAMPED + GIVEN) or clamp_of(node) is not None:
            place = len(heads)
            heads.append(node)
            members.append([])
            tails.append([])
        else:
            raise InternalError(f"{node.name}: {node.op} should have been folded before this pass")
        members[place].append(node.output)
        run_of[node.output] = place
    found = []
    for head, names, tail in zip(heads, members, tails, strict=True):
        inside = Counter(name for node in tail for name in node.inputs)
        ends = tuple(name for name in names if read[name] > inside[name])
        found.append(Run(head, tuple(tail), tuple(names), ends))
    return tuple(found)


def refuse_empty_layers(graph: Graph) -> None:
    """Raises UserError for a layer without a single nonzero weight; a hidden state may be without effect."""
    for layer in (node.weighted[0] for node in graph.nodes if node.weighted):
        if layer.nonzero == 0:
            raise empty_layer(layer)


def empty_layer(node: MacNode) -> UserError:
    """The error for a layer whose output does not depend on the network's input."""
    return UserError(
        f"layer {node.name!r}: no weight that matters survived pruning (weight shape {node.dense_shape}), so the "
        "network's output would not depend on its input, or not through this layer; keep more weights: lower the "
        "sparsity, the threshold or the KL weight"
    )
