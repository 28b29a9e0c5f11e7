"""A network under construction: operators in order, channels last, that remember torch's layout."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from tinybayes.errors import FileFormatError, UnsupportedError
from tinybayes.frontend.loops import LOOPS, nested_loops
from tinybayes.frontend.program import Call, Constant, Program, Ref, as_real
from tinybayes.ir import Flatten, Graph, InputScaling, Node, Rearrange, Tensor
from tinybayes.tbn.limits import MAX_ELEMENTS

INPUT = "input"


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the program.

    ``torch_shape`` is its shape in torch, without the batch. ``order`` is None where a vector's elements stand as in
    torch; behind a flattened map it holds for every element its position in torch's vector, because a map is stored
    channels last here and torch flattens it channels first. ``view`` is given where the tensor is looked at in another
    way: where each element lies in the tensor's memory, int64 of torch's shape.
    """

    tensor: str
    torch_shape: tuple[int, ...]
    order: npt.NDArray[np.int64] | None = None
    view: npt.NDArray[np.int64] | None = None

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """Where each element lies in the tensor's memory, int64 of torch's shape."""
        if self.view is not None:
            return self.view
        elements = math.prod(self.torch_shape)
        if self.order is not None:
            return np.argsort(self.order)
        if not self.torch_shape:
            return np.zeros((), np.int64)
        shape = channels_last(self.torch_shape)
        return np.moveaxis(np.arange(elements, dtype=np.int64).reshape(shape), -1, 0)


class Chain:
    """Appends operators; ``values`` says what each name of the program stands for.

    ``reads`` counts how often the calls that matter read each name.
    """

    def __init__(self, program: Program, calls: Iterable[Call]) -> None:
        self.program = program
        self.constants: dict[str, Constant] = dict(program.constants)
        self.paths = dict(program.paths)
        shape = program.input_shape
        self.channels_last_input = is_time_first(program)
        view = np.arange(math.prod(shape), dtype=np.int64).reshape(shape) if self.channels_last_input else None
        self.values = {program.input: Value(INPUT, shape, view=view)}
        self.tensors = {INPUT: Tensor(INPUT, shape if self.channels_last_input else channels_last(shape))}
        self.hidden: dict[str, tuple[Value, ...]] = {}
        """By name of all final states of recurrent layers, those of each layer and direction."""
        self.batch_second: dict[str, Value] = {}
        """By name of a tensor whose batch is torch's second dimension, as series have it without batch_first."""
        self.zeros: set[str] = set()
        """Names of tensors of zeros."""
        self.nodes: list[Node] = []
        channels = self.tensors[INPUT].channels
        self.mean, self.std = np.zeros(channels), np.ones(channels)
        self._names: Counter[str] = Counter()
        self._looked_at: dict[str, tuple[Call, str]] = {}
        self.moved: dict[str, str] = {}
        self._others: dict[str, str] = {
            name: f"result {number} of aten.{call.operator}"
            for call in calls
            for number, name in enumerate(call.results[1:], start=2)
        }
        self.reads = Counter(name for call in calls for name in call.reads)

    def value(self, call: Call, argument: str) -> Value:
        """The tensor that ``call`` takes as ``argument``."""
        return self.computed(call, argument, call.arguments.get(argument))

    def is_computed(self, reference: object) -> bool:
        """Whether an argument is a tensor that the network computes."""
        return isinstance(reference, Ref) and reference.name in self.values

    def is_batch_second(self, reference: object) -> bool:
        """Whether an argument is a tensor that the network computes, with the batch as its second dimension."""
        return isinstance(reference, Ref) and reference.name in self.batch_second

    def computed(self, call: Call, argument: str, reference: object) -> Value:
        """The tensor that ``reference``, (part of) an argument of ``call``, stands for."""
        if not isinstance(reference, Ref):
            raise self.damaged(call, f"argument {argument!r} is not a tensor")
        if reference.name in self.constants or reference.name in self.paths:
            self.refuse(
                call, f"takes the stored tensor {self.paths.get(reference.name, reference.name)!r} as its input"
            )
        if reference.name in self.hidden:
            self.refuse(call, "takes the final states of all layers; take those of one first, as h_n[-1]")
        if reference.name in self.zeros:
            self.refuse(call, "takes a tensor of zeros, which is supported only as the first state of a GRU or LSTM")
        if self.is_batch_second(reference):
            self.refuse(
                call,
                "takes a tensor whose batch is the second dimension, as only gru and lstm with batch_first=False do: "
                "put the batch first again, or take one position, as y[-1]",
            )
        if reference.name in self._others:
            self.refuse(call, f"reads the {self._others[reference.name]}: that is not supported")
        if reference.name not in self.values:
            raise self.damaged(call, f"reads {reference.name!r}, which nothing has computed")
        return self.settled(call, reference.name)

    def positions(self, call: Call, argument: str) -> npt.NDArray[np.int64]:
        """Where each element of the tensor that ``call`` takes as ``argument`` lies in memory, in torch's shape."""
        reference = call.arguments.get(argument)
        if not isinstance(reference, Ref) or reference.name not in self.values:
            return self.value(call, argument).positions
        self._looked_at[call.result] = call, reference.name
        return self.values[reference.name].positions

    def positions_and_batch(self, call: Call, argument: str) -> tuple[npt.NDArray[np.int64], int]:
        """The positions, and which dimension of torch's the batch is: 0, or 1 for those of ``batch_second``."""
        reference = call.arguments.get(argument)
        if isinstance(reference, Ref) and self.is_batch_second(reference):
            self._looked_at[call.result] = call, reference.name
            return self.batch_second[reference.name].positions, 1
        return self.positions(call, argument), 0

    def held(self, name: str) -> Value:
        """The value ``name``, wherever its batch is."""
        return self.values[name] if name in self.values else self.batch_second[name]

    def look_at(self, call: Call, *positions: npt.NDArray[np.int64], batch: int = 0) -> None:
        """Each result of ``call`` is what it takes, its elements at ``positions``, the batch in dimension ``batch``."""
        looked_at = self._looked_at[call.result]
        value = self.held(looked_at[1])
        values = self.batch_second if batch else self.values
        for name, order in zip(call.results, positions, strict=True):
            self._looked_at[name] = looked_at
            self._others.pop(name, None)
            values[name] = Value(value.tensor, order.shape, view=order)

    def looked_at_so(self, call: Call, argument: str, positions: npt.NDArray[np.int64]) -> Value:
        """The tensor that ``call`` takes as ``argument``, with its elements at ``positions`` in this order."""
        reference = call.arguments[argument]
        assert isinstance(reference, Ref)
        self.values[call.result] = Value(self.values[reference.name].tensor, positions.shape, view=positions)
        self._looked_at[call.result] = call, reference.name
        value = self.settled(call, call.result)
        self.moved.pop(call.result, None)  # what is computed with it is another tensor
        return value

    def settled(self, call: Call, name: str) -> Value:
        """The value ``name`` as operators read it; where it is a view, its elements are moved if they must be."""
        value = self.values[name]
        if value.view is None:
            return value
        shape, source = value.torch_shape, self.tensors[value.tensor]
        if len(shape) > 3:
            self.refuse(call, f"reads a tensor (batch, {', '.join(map(str, shape))}) of more than 4 dimensions")
        positions = (value.view if len(shape) < 2 else np.moveaxis(value.view, 0, -1)).reshape(-1)
        memory = channels_last(shape) or (1,)
        in_place = np.array_equal(positions, np.arange(source.elements))
        if in_place and memory == source.shape:
            self.values[name] = Value(value.tensor, shape)
            return self.values[name]
        maker, _ = self._looked_at.get(name, (call, name))
        whole = positions.size == source.elements and np.array_equal(np.sort(positions), np.arange(source.elements))
        node: Node
        if len(shape) < 2 and whole and len(source.shape) > 1:
            # What reads a vector can take its elements in any order.
            called = self.name(maker, Flatten.op)
            node = Flatten(name=called, inputs=(value.tensor,), output=called)
            self.values[name] = Value(called, shape, None if in_place else np.argsort(positions))
        else:
            called = self.name(maker, Rearrange.op)
            node = self.rearranged(call, called, value, positions)
            self.values[name] = Value(called, shape)
        self.tensors[called] = Tensor(called, memory)
        self.nodes.append(node)
        self.moved[name] = value.tensor
        return self.values[name]

    def in_torch_order(self, call: Call, argument: str) -> Value:
        """The tensor that ``call`` takes as ``argument``, its elements in memory as in torch, moved if need be."""
        positions, _ = self.positions_and_batch(call, argument)
        reference = call.arguments[argument]
        assert isinstance(reference, Ref)
        value = self.held(reference.name)
        shape, source = value.torch_shape, self.tensors[value.tensor]
        if source.shape == shape and np.array_equal(positions.reshape(-1), np.arange(source.elements)):
            return value
        called = self.name(call, Rearrange.op)
        self.tensors[called] = Tensor(called, shape)
        self.nodes.append(self.rearranged(call, called, value, positions.reshape(-1)))
        return Value(called, shape, view=np.arange(positions.size, dtype=np.int64).reshape(shape))

    def append_in_torch_order(self, call: Call, node: Node, shape: tuple[int, ...]) -> Value:
        """Adds ``node``, which writes a tensor whose elements lie in memory as in torch."""
        self.tensors[node.output] = Tensor(node.output, shape)
        self.nodes.append(node)
        view = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
        self.values[call.result] = Value(node.output, shape, view=view)
        return self.values[call.result]

    def rearranged(self, call: Call, called: str, value: Value, positions: npt.NDArray[np.int64]) -> Node:
        """The operator ``called`` that brings the elements of ``value`` at ``positions`` into a tensor, in order."""
        found = nested_loops(positions)
        if found is None or len(found[1]) > LOOPS:
            self.refuse(
                call, f"reads elements of {value.tensor!r} in an order that {LOOPS} nested loops forward do not give"
            )
        loops = [(1, 0)] * (LOOPS - len(found[1])) + found[1]
        (a, d), (b, e), (c, f) = loops
        return Rearrange(
            name=called, inputs=(value.tensor,), output=called, offset=found[0], sizes=(a, b, c), strides=(d, e, f)
        )

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
        if math.prod(hwc) > MAX_ELEMENTS:
            self.refuse(call, f"gives {math.prod(hwc)} elements: that is not supported, wanted at most {MAX_ELEMENTS}")
        order = self.values_order(node)
        self.tensors[node.output] = Tensor(node.output, hwc[3 - max(len(torch_shape), 1) :])
        self.nodes.append(node)
        self.values[call.result] = Value(node.output, torch_shape, order if len(torch_shape) == 1 else None)

    def values_order(self, node: Node) -> npt.NDArray[np.int64] | None:
        """The order of the elements that ``node`` reads, which element-wise operators keep."""
        if node.op not in ("relu", "batch_norm", "pointwise", "softmax", "add", "multiply"):
            return None
        plain = (value for value in self.values.values() if value.view is None)
        return next((value.order for value in plain if value.tensor == node.input), None)

    def overwrite(self, call: Call) -> None:
        """``call`` works in place: its result also is, from now on, the tensor that it took."""
        before, result = call.arguments.get("self", call.arguments.get("input")), self.values[call.result]
        if isinstance(before, Ref) and before.name in self.values:
            base = self.moved.get(before.name)
            if sum(self.reads[name] for name, value in self.values.items() if value.tensor == base) > 1:
                self.refuse(call, "works in place on a view of a tensor that is read elsewhere: that is not supported")
            old = self.values[before.name].tensor
            copies = [name for name, source in self.moved.items() if source == old and name != before.name]
            if any(self.reads[name] > 1 for name in copies):
                self.refuse(call, "works in place on a tensor of which a view is read more than once: not supported")
            for name, value in self.values.items():
                if value.tensor == old:
                    self.values[name] = replace(value, tensor=result.tensor)

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
            channels_last_input=self.channels_last_input,
        )


def is_time_first(program: Program) -> bool:
    """Whether the program takes its input as (time, channels): what the first layer on it wants tells."""
    names, dimensions = {program.input}, ["batch", "first", "second"]
    if len(program.input_shape) != 2:
        return False
    for call in program.calls:
        if not names.intersection(call.reads):
            continue
        flipped = dimensions.index("second") < dimensions.index("first")
        if call.operator == "transpose":
            one, other = int(call.number("dim0", 0)), int(call.number("dim1", 0))
            dimensions[one], dimensions[other] = dimensions[other], dimensions[one]
        elif call.operator == "permute":
            given = call.arguments.get("dims")
            dimensions = [dimensions[int(d)] for d in given] if isinstance(given, list) else dimensions
        elif call.operator in ("gru", "lstm", "linear"):
            return not flipped
        elif call.operator not in _BEFORE_LAYERS:
            return flipped
        names.add(call.result)
    return False


def channels_last(torch_shape: tuple[int, ...]) -> tuple[int, ...]:
    """(channels, ...) as (..., channels)."""
    return (*torch_shape[1:], *torch_shape[:1])


_BEFORE_LAYERS = frozenset({
    "add", "sub", "mul", "div", "add_", "sub_", "mul_", "div_", "dropout", "contiguous", "clone", "detach", "alias",
    "sym_size", "slice", "relu", "relu_", "tanh", "sigmoid", "clamp", "hardtanh", "gelu", "silu", "elu", "leaky_relu",
})  # fmt: skip
_LEAF_CLASSES = frozenset({
    "ReLU", "Flatten", "MaxPool1d", "MaxPool2d", "AvgPool1d", "AvgPool2d", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d",
    "BatchNorm1d", "BatchNorm2d", "Linear", "Conv1d", "Conv2d", "Sigmoid", "Tanh", "Hardswish", "Hardsigmoid",
    "Hardtanh", "ReLU6", "LeakyReLU", "PReLU", "SiLU", "GELU", "ELU", "SELU", "CELU", "Mish", "Softplus", "Softmax",
    "GRU", "LSTM",
})  # fmt: skip
