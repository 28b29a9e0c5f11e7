"""What a network is: frozen dataclasses, without torch and without C."""

from tinybayes.ir.graph import Graph, InputScaling
from tinybayes.ir.nodes import (
    ArgMax,
    AveragePool,
    AveragePoolSpans,
    BatchNorm,
    Conv,
    Flatten,
    Linear,
    MacNode,
    MaxPool,
    MaxPoolSpans,
    Node,
    Pointwise,
    Relu,
    Requantize,
    Select,
    Softmax,
    SpanPool,
)
from tinybayes.ir.requant import Requant
from tinybayes.ir.tensor import Tensor
from tinybayes.ir.verify import verify

__all__ = [
    "ArgMax",
    "AveragePool",
    "AveragePoolSpans",
    "BatchNorm",
    "Conv",
    "Flatten",
    "Graph",
    "InputScaling",
    "Linear",
    "MacNode",
    "MaxPool",
    "MaxPoolSpans",
    "Node",
    "Pointwise",
    "Relu",
    "Requant",
    "Requantize",
    "Select",
    "Softmax",
    "SpanPool",
    "Tensor",
    "verify",
]
