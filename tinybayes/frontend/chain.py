"""A network under construction: operators in order, channels last, that remember torch's layout."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from tinybayes.errors import FileFormatError, UnsupportedError
from tinybayes.frontend.program import Call, Constant, Program, Ref, as_real
from tinybayes.ir import Flatten, Graph, InputScaling, Node, Tensor

INPUT = "input"


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the program.

    ``torch_shape`` is its shape in torch, without the batch. ``order`` is None where a vector's elements stand as in
    torch; behind a flattened map it holds for every element its position in torch's vector, because a map is stored
    channels last here and torch flattens it channels first.
    """

    tensor: str
    torch_shape: tuple[int, ...]
    order: npt.NDArray[np.int64] | None = None


class Chain:
    """Appends operators; ``values`` says what each name of the program stands for.

    ``reads`` counts how often the calls that matter read each name.
    """

    def __init__(self, program: Program, calls: Iterable[Call]) -> None:
        self.program = program
        self.constants: dict[str, Constant] = dict(program.constants)
        self.paths = dict(program.paths)
        self.values = {program.input: Value(INPUT, program.input_shape)}
        self.tensors = {INPUT: Tensor(INPUT, channels_last(program.input_shape))}
        self.nodes: list[Node] = []
        channels = self.tensors[INPUT].channels
        self.mean, self.std = np.zeros(channels), np.ones(channels)
        self._names: Counter[str] = Counter()
        self.reads = Counter(name for call in calls for name in call.reads)

    def value(self, call: Call, argument: str) -> Value:
        """The tensor that ``call`` takes as ``argument``."""
        return self.computed(call, argument, call.arguments.get(argument))

    def is_computed(self, reference: object) -> bool:
        """Whether an argument is a tensor that the network computes."""
        return isinstance(reference, Ref) and reference.name in self.values

    def computed(self, call: Call, argument: str, reference: object) -> Value:
        """The tensor that ``reference``, (part of) an argument of ``call``, stands for."""
        if not isinstance(reference, Ref):
            raise self.damaged(call, f"argument {argument!r} is not a tensor")
        if reference.name in self.constants or reference.name in self.paths:
            self.refuse(
                call, f"takes the stored tensor {self.paths.get(reference.name, reference.name)!r} as its input"
            )
        if reference.name not in self.values:
            raise self.damaged(call, f"reads {reference.name!r}, which nothing has computed")
        return self.values[reference.name]

    def constant(self, call: Call, argument: str) -> npt.NDArray[np.float32] | None:
        """A weight that ``call`` reads, float32 and finite, or None if the argument is absent."""
        reference = call.arguments.get(argument)
        if reference is None:
            return None
        if not isinstance(reference, Ref):
            raise self.damaged(call, f"argument {argument!r} is not a tensor")
        if reference.name in self.values:
            self.refuse(call, f"takes a computed tensor as its {argument!r}; only stored weights are supported there")
        if reference.name not in self.constants:
            raise self.damaged(call, f"the weights {self.paths.get(reference.name, reference.name)!r} are missing")
        return as_real(self.program.source, self.path(reference.name), self.constants[reference.name])

    def path(self, name: str) -> str:
        """The path in the module of the constant ``name``."""
        return self.paths.get(name, name)

    def weight(self, call: Call, argument: str = "weight") -> npt.NDArray[np.float32]:
        """A weight that must be there."""
        tensor = self.constant(call, argument)
        if tensor is None:
            raise self.damaged(call, f"has no {argument!r}")
        return tensor

    def name(self, call: Call, operator: str, argument: str | None = None) -> str:
        """A unique, readable name: the module's path, or that of the module that owns the weight ``argument``."""
        path = call.module
        reference = call.arguments.get(argument) if argument else None
        if isinstance(reference, Ref):
            path = self.path(reference.name).rpartition(".")[0] or path
        if not path:
            path = operator
        elif re.fullmatch(r"[0-9.]+", path):
            path = f"{operator}.{path}"
        elif argument is None and call.module_class not in _LEAF_CLASSES:
            path = f"{path}.{operator}"
        self._names[path] += 1
        return path if self._names[path] == 1 else f"{path}.{operator}_{self._names[path]}"

    def append(self, call: Call, node: Node, hwc: tuple[int, int, int], torch_shape: tuple[int, ...]) -> None:
        """Adds ``node``, which writes a tensor of its own name; ``hwc`` is (height, width, channels) of its output."""
        if min(hwc) < 1:
            raise self.damaged(
                call, f"its output would have the shape {torch_shape}: the kernel is larger than its input"
            )
        order = self.values_order(node)
        self.tensors[node.output] = Tensor(node.output, hwc[3 - max(len(torch_shape), 1) :])
        self.nodes.append(node)
        self.values[call.result] = Value(node.output, torch_shape, order if len(torch_shape) == 1 else None)

    def values_order(self, node: Node) -> npt.NDArray[np.int64] | None:
        """The order of the elements that ``node`` reads, which element-wise operators keep."""
        if node.op not in ("relu", "batch_norm", "pointwise", "softmax", "add", "multiply"):
            return None
        return next((value.order for value in self.values.values() if value.tensor == node.input), None)

    def overwrite(self, call: Call) -> None:
        """``call`` works in place: its result also is, from now on, the tensor that it took."""
        before, result = call.arguments.get("self", call.arguments.get("input")), self.values[call.result]
        if isinstance(before, Ref) and before.name in self.values:
            old = self.values[before.name].tensor
            for name, value in self.values.items():
                if value.tensor == old:
                    self.values[name] = replace(result, torch_shape=value.torch_shape)

    def alias(self, call: Call, value: Value, torch_shape: tuple[int, ...] | None = None) -> None:
        """The result of ``call`` is ``value``, perhaps under another shape with the same order of elements."""
        self.values[call.result] = value if torch_shape is None else replace(value, torch_shape=torch_shape)

    def flatten(self, call: Call, value: Value) -> None:
        """The result of ``call`` is ``value`` as a vector."""
        source = self.tensors[value.tensor]
        if len(source.shape) == 1:
            self.alias(call, value, source.shape)
            return
        height, width, channels = source.hwc
        torch_positions = np.arange(source.elements).reshape(channels, height, width).transpose(1, 2, 0).reshape(-1)
        order = None if np.array_equal(torch_positions, np.arange(source.elements)) else torch_positions
        name = self.name(call, Flatten.op)
        self.append(
            call, Flatten(name=name, inputs=(value.tensor,), output=name), (1, 1, source.elements), (source.elements,)
        )
        self.values[call.result] = Value(name, (source.elements,), order)

    def refuse(self, call: Call, what: str) -> NoReturn:
        """Raises UnsupportedError with the operator's place."""
        raise UnsupportedError(f"{self.program.source}: {call.place}: aten.{call.operator} {what}")

    def damaged(self, call: Call, what: str) -> FileFormatError:
        """The error for a program that contradicts itself."""
        return FileFormatError(f"{self.program.source}: {call.place}: aten.{call.operator}: {what}")

    def graph(self) -> Graph:
        """The finished network."""
        result = self.values.get(self.program.output)
        if result is None or not self.nodes:
            raise UnsupportedError(f"{self.program.source}: the network computes nothing: its output is not a layer's")
        if result.order is not None:
            raise UnsupportedError(
                f"{self.program.source}: the output is a flattened map of several channels and positions; end the "
                "network "
                "before the flattening (its output is then channels last), or with a linear layer"
            )
        scaled = bool(np.any(self.mean != 0) or np.any(self.std != 1))
        with np.errstate(over="ignore", under="ignore"):
            scaling = InputScaling(self.mean.astype(np.float32), self.std.astype(np.float32)) if scaled else None
        if scaling is not None and not (
            np.isfinite(scaling.mean).all() and np.isfinite(scaling.std).all() and (scaling.std > 0).all()
        ):
            raise UnsupportedError(
                f"{self.program.source}: the input's scaling (x - mean) / std has a std that is not positive and "
                "finite "
                f"(smallest {self.std.min():g}); wanted std > 0 for every channel"
            )
        return Graph(
            tensors=self.tensors,
            nodes=tuple(self.nodes),
            input=INPUT,
            output=result.tensor,
            torch_input_shape=self.program.input_shape,
            input_scaling=scaling,
        )


def channels_last(torch_shape: tuple[int, ...]) -> tuple[int, ...]:
    """(channels, ...) as (..., channels)."""
    return (*torch_shape[1:], torch_shape[0])


_LEAF_CLASSES = frozenset({
    "ReLU", "Flatten", "MaxPool1d", "MaxPool2d", "AvgPool1d", "AvgPool2d", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d",
    "BatchNorm1d", "BatchNorm2d", "Linear", "Conv1d", "Conv2d", "Sigmoid", "Tanh", "Hardswish", "Hardsigmoid",
    "Hardtanh", "ReLU6", "LeakyReLU", "PReLU", "SiLU", "GELU", "ELU", "SELU", "CELU", "Mish", "Softplus", "Softmax",
})  # fmt: skip
