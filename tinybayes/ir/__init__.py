"""What a network is: frozen dataclasses, without torch and without C."""

from tinybayes.ir.graph import Graph, InputScaling
from tinybayes.ir.nodes import (
    AveragePool,
    BatchNorm,
    Conv,
    Flatten,
    Linear,
    MacNode,
    MaxPool,
    Node,
    Pointwise,
    Relu,
    Requantize,
    Select,
)
from tinybayes.ir.requant import Requant
from tinybayes.ir.tensor import Tensor
from tinybayes.ir.verify import verify

__all__ = [
    "AveragePool",
    "BatchNorm",
    "Conv",
    "Flatten",
    "Graph",
    "InputScaling",
    "Linear",
    "MacNode",
    "MaxPool",
    "Node",
    "Pointwise",
    "Relu",
    "Requant",
    "Requantize",
    "Select",
    "Tensor",
    "verify",
]
