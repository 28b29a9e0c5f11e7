"""What a network is: frozen dataclasses, without torch and without C."""

from tinybayes.ir.graph import Graph, InputScaling
from tinybayes.ir.node import MacNode, Node
from tinybayes.ir.nodes import (
    Add,
    Affine,
    ArgMax,
    BatchNorm,
    Concat,
    ConstantPad,
    Conv,
    Flatten,
    Gru,
    Linear,
    Lstm,
    Multiply,
    Pointwise,
    Rearrange,
    Recurrent,
    Relu,
    Requantize,
    Select,
    Softmax,
)
from tinybayes.ir.pools import AveragePool, AveragePoolSpans, MaxPool, MaxPoolSpans, SpanPool
from tinybayes.ir.requant import Requant, SumRequant
from tinybayes.ir.tensor import Tensor
from tinybayes.ir.verify import verify

__all__ = [
    "Add",
    "Affine",
    "ArgMax",
    "AveragePool",
    "AveragePoolSpans",
    "BatchNorm",
    "Concat",
    "ConstantPad",
    "Conv",
    "Flatten",
    "Graph",
    "Gru",
    "InputScaling",
    "Linear",
    "Lstm",
    "MacNode",
    "MaxPool",
    "MaxPoolSpans",
    "Multiply",
    "Node",
    "Pointwise",
    "Rearrange",
    "Recurrent",
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
