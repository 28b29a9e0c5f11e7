"""Networks as chains: which layer decides the scale of a tensor, and what passes it on unchanged."""

from dataclasses import dataclass

from tinybayes.errors import InternalError, UnsupportedError, UserError
from tinybayes.ir import AveragePool, Flatten, Graph, MacNode, MaxPool, Node, Relu, Select

PASSING = (MaxPool, Flatten, Select, Relu)


@dataclass(frozen=True, eq=False)
class Run:
    """A layer that makes new codes (None for the network's input) and the operators behind it that pass them on."""

    producer: MacNode | AveragePool | None
    passing: tuple[Node, ...]
    tensors: tuple[str, ...]

    @property
    def name(self) -> str:
        """The producer's name, for messages."""
        return self.producer.name if self.producer is not None else "input"

    @property
    def relu(self) -> bool:
        """Whether a ReLU stands in the run; it commutes with all that passes codes on."""
        return any(isinstance(node, Relu) for node in self.passing)


def runs(graph: Graph) -> tuple[Run, ...]:
    """The network cut in front of every layer that makes new codes.

    Raises UnsupportedError for a ReLU on the network's input: no layer is there to absorb it.
    """
    heads: list[MacNode | AveragePool | None] = [None]
    tails: list[list[Node]] = [[]]
    current = graph.input
    for node in graph.nodes:
        if node.inputs != (current,):
            raise UnsupportedError(
                f"layer {node.name!r} reads {node.inputs[0]!r}, which is not the layer before it ({current!r}): only "
                "chains of layers are supported"
            )
        current = node.output
        if isinstance(node, MacNode | AveragePool):
            heads.append(node)
            tails.append([])
        elif isinstance(node, PASSING):
            tails[-1].append(node)
        else:
            raise InternalError(f"{node.name}: {node.op} should have been folded before this pass")
    found = tuple(
        Run(head, tuple(tail), (head.output if head is not None else graph.input, *(node.output for node in tail)))
        for head, tail in zip(heads, tails, strict=True)
    )
    if found[0].relu:
        raise UnsupportedError("relu directly on the network's input is not supported: apply it to the data instead")
    return found


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
