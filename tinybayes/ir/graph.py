"""A network: tensors, operators in execution order, and how real inputs are scaled."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes.ir.node import MacNode, Node
from tinybayes.ir.tensor import Tensor


@dataclass(frozen=True, eq=False)
class InputScaling:
    """``(x - mean) / std`` per channel (last dimension), applied to real inputs before they are quantized.

    ``mean`` and ``std`` are float32 of shape (channels,); ``std`` is positive.
    """

    mean: npt.NDArray[np.float32]
    std: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Graph:
    """A frozen network. ``nodes`` are in execution order; each tensor is written by one node or is the input.

    ``facts`` is JSON-able knowledge that travels with the network (recipe, seed, accuracy at each stage); nothing in
    it changes what is computed. Two facts say what the output holds: ``output_meaning``, a text for people, and
    ``class_scores`` (see the property). ``torch_input_shape`` is the shape of one sample as the torch module takes it
    (channels first, or channels last with ``channels_last_input``), so that data files can be accepted in that layout.
    """

    tensors: Mapping[str, Tensor]
    nodes: tuple[Node, ...]
    input: str
    output: str
    torch_input_shape: tuple[int, ...]
    input_scaling: InputScaling | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    channels_last_input: bool = False

    @property
    def input_tensor(self) -> Tensor:
        """The network's input."""
        return self.tensors[self.input]

    @property
    def output_tensor(self) -> Tensor:
        """The network's output."""
        return self.tensors[self.output]

    @property
    def class_scores(self) -> int | None:
        """How many elements of the output, from the first, are scores of classes; None where all of them are.

        A network that puts out an uncertainty behind its scores says so by the fact of this name. Files may hold
        anything there: what is no number of elements of a flat output says nothing.
        """
        told = self.facts.get("class_scores")
        shape = self.output_tensor.shape
        return told if type(told) is int and len(shape) == 1 and 1 <= told <= shape[0] else None

    @property
    def is_integer(self) -> bool:
        """Whether the network computes on integer codes."""
        return self.input_tensor.is_integer

    @property
    def mac_nodes(self) -> tuple[MacNode, ...]:
        """The layers that hold weights, those inside other operators too."""
        return tuple(layer for node in self.nodes for layer in node.weighted)

    def consumers(self, tensor: str) -> tuple[Node, ...]:
        """The nodes that read ``tensor``."""
        return tuple(node for node in self.nodes if tensor in node.inputs)

    def with_nodes(self, nodes: Iterable[Node], tensors: Mapping[str, Tensor]) -> "Graph":
        """The same network with other nodes and tensors; tensors that no node touches are dropped."""
        nodes = tuple(nodes)
        used = {self.input, self.output}.union(*({*node.inputs, node.output} for node in nodes))
        return replace(self, nodes=nodes, tensors={k: v for k, v in tensors.items() if k in used})

    def with_facts(self, **facts: Any) -> "Graph":  # noqa: ANN401 - JSON-able by contract
        """The same network with more facts."""
        return replace(self, facts={**self.facts, **facts})
