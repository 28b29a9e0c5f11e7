"""What the operators of a network, and those with weights, have in common."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tinybayes.ir.requant import Requant

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Node:
    """One operator: reads the tensors ``inputs``, writes the tensor ``output``; ``name`` is unique in the graph."""

    op: ClassVar[str] = ""
    arity: ClassVar[tuple[int, int]] = (1, 1)
    """How many inputs it takes, at least and at most."""
    name: str
    inputs: tuple[str, ...]
    output: str

    @property
    def input(self) -> str:
        """Name of the first input."""
        return self.inputs[0]

    @property
    def weighted(self) -> tuple["MacNode", ...]:
        """The layers with weights that the operator consists of; none by default."""
        return ()


@dataclass(frozen=True, eq=False, kw_only=True)
class MacNode(Node):
    """An operator that multiplies with stored weights and accumulates.

    ``weight`` has shape (outputs, kernel_height, kernel_width, input_channels); float32 in a float network, int8 in
    an integer network, where ``real weight = weight_scale[o] * weight[o]`` with ``weight_scale`` float64 of shape (1,)
    or (outputs,). ``bias`` has shape (outputs,): float32, or int32 in units of ``weight_scale * input scale``.
    ``requant`` turns accumulators into codes (integer networks only).
    ``dense_shape`` is the weight's shape before dead rows and columns were removed.
    """

    weight: Array
    bias: Array
    dense_shape: tuple[int, int, int, int]
    weight_scale: npt.NDArray[np.float64] | None = None
    requant: Requant | None = None

    @property
    def weighted(self) -> tuple["MacNode", ...]:
        """The layer itself."""
        return (self,)

    @property
    def outputs(self) -> int:
        """Number of output channels (rows of the weight matrix)."""
        return int(self.weight.shape[0])

    @property
    def nonzero(self) -> int:
        """Number of nonzero weights."""
        return int(np.count_nonzero(self.weight))

    @property
    def matrix(self) -> Array:
        """The weight as a matrix (outputs, kernel_height * kernel_width * input_channels)."""
        return self.weight.reshape(self.outputs, -1)
