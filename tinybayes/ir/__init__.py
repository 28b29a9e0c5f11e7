"""What a network is: frozen dataclasses, without torch and without C."""

from tinybayes.ir.graph import Graph, InputScaling
from tinybayes.ir.nodes import (
    Add,
    ArgMax,
    AveragePool,
    AveragePoolSpans,
    BatchNorm,
    Concat,
    Conv,
    Flatten,
    Linear,
    MacNode,
    MaxPool,
    MaxPoolSpans,
    Multiply,
    Node,
    Pointwise,
    Relu,
    Requantize,
    Select,
    Softmax,
    SpanPool,
)
from tinybayes.ir.requant import Requant, SumRequant
from tinybayes.ir.tensor import Tensor
from tinybayes.ir.verify import verify

__all__ = [
    "Add",
    "ArgMax",
    "AveragePool",
    "AveragePoolSpans",
    "BatchNorm",
    "Concat",
    "Conv",
    "Flatten",
    "Graph",
    "InputScaling",
    "Linear",
    "MacNode",
    "MaxPool",
    "MaxPoolSpans",
    "Multiply",
    "Node",
    "Pointwise",
    "Relu",
    "Requant",
    "Requantize",
    "Select",
    "Softmax",
    "SpanPool",
    "SumRequant",
    "Tensor",
    "verify",
]
