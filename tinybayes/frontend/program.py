"""What an exported torch program says: one input, calls of operators in order, constants, one output."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes.errors import FileFormatError, UnsupportedError
from tinybayes.tbn.limits import MAX_ELEMENTS

Constant = npt.NDArray[Any]
Json = Any

_FLOAT_CODES = {6: "float16", 7: "float32", 8: "float64", 13: "bfloat16"}
_NOT_FINITE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}
_FRAME = re.compile(r'File "(?P<file>[^"]*)", line (?P<line>\d+)')


@dataclass(frozen=True)
class Ref:
    """The name of a tensor that a call reads."""

    name: str


@dataclass(frozen=True)
class Symbol:
    """A size that is known only when the program runs: the batch."""

    name: str


@dataclass(frozen=True, eq=False)
class Call:
    """One call of an ATen operator.

    ``operator`` has neither namespace nor overload ("conv1d"); ``module`` is the path of the torch module that made
    the call ("" for the outermost), ``module_class`` its class, ``line`` the source line that made it ("" if the file
    does not say). ``results`` are the names of all tensors that it gives, the first of them ``result``.
    """

    operator: str
    arguments: Mapping[str, Any]
    result: str
    module: str
    module_class: str
    line: str
    results: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where the call stands, for messages."""
        module = f"module {self.module!r} ({self.module_class})" if self.module else "the outermost module"
        return f"{module}, {self.line}" if self.line else module

    @property
    def reads(self) -> tuple[str, ...]:
        """The tensors that the call reads."""
        listed = (value if isinstance(value, list) else [value] for value in self.arguments.values())
        return tuple(value.name for values in listed for value in values if isinstance(value, Ref))

    def number(self, name: str, default: float) -> float:
        """A scalar argument."""
        value = self.arguments.get(name, default)
        value = _NOT_FINITE.get(value, value) if isinstance(value, str) else value
        if isinstance(value, bool | int | float):
            return float(value)
        raise FileFormatError(f"{self.place}: argument {name!r} of aten.{self.operator} is {value!r}, wanted a number")

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean argument."""
        return bool(self.number(name, default))

    def pair(self, name: str, default: Sequence[int], dimensions: int) -> tuple[int, int]:
        """Sizes along (height, width): one number may stand for all, and a 1-D operator has height ``default[0]``."""
        value = self.arguments.get(name)
        if value is None or value == []:
            return default[0], default[1]
        sizes = value if isinstance(value, list) else [value]
        sizes = sizes * dimensions if len(sizes) == 1 else sizes
        if len(sizes) != dimensions or not all(type(size) is int and 0 <= size < 2**31 for size in sizes):
            wanted = f"{dimensions} sizes that are not negative"
            raise FileFormatError(
                f"{self.place}: argument {name!r} of aten.{self.operator} is {value!r}, wanted {wanted}"
            )
        return (sizes[0], sizes[1]) if dimensions == 2 else (default[0], sizes[0])


@dataclass(frozen=True, eq=False)
class Program:
    """``constants`` by the name that calls use; ``paths`` gives each constant's path in the module.

    ``shapes`` is what torch found each tensor's shape to be, without the batch; None for a size that is dynamic.
    """

    source: str
    input: str
    input_shape: tuple[int, ...]
    calls: tuple[Call, ...]
    constants: Mapping[str, Constant]
    paths: Mapping[str, str]
    output: str
    shapes: Mapping[str, tuple[int | None, ...]]


def parse_program(source: str, model: Json, tensors: Mapping[str, Constant]) -> Program:
    """The program in ``model`` (the JSON of an exported program) with its constants ``tensors`` by module path.

    Raises FileFormatError where the JSON does not have the structure that ``torch.export.save`` writes, and
    UnsupportedError for programs with several inputs or outputs, integer inputs, or a size other than the batch that
    is dynamic.
    """
    try:
        return _parse(source, model, tensors)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, StopIteration) as error:
        raise FileFormatError(
            f"{source}: the exported program is damaged or of another version ({type(error).__name__}: {error}); "
            "export it again with torch.export.save of torch 2.9 or later"
        ) from error


def _parse(source: str, model: Json, tensors: Mapping[str, Constant]) -> Program:
    module = model["graph_module"]
    graph, signature = module["graph"], module["signature"]
    inputs: list[Json] = []
    constants: dict[str, Constant] = {}
    paths: dict[str, str] = {}
    for spec in signature["input_specs"]:
        (kind, body), *_ = spec.items()
        if kind == "user_input":
            inputs.append(body["arg"])
            continue
        key = {"parameter": "parameter_name", "buffer": "buffer_name", "tensor_constant": "tensor_constant_name"}.get(
            kind
        )
        if key is None:
            raise UnsupportedError(f"{source}: the program takes a {kind!r}, which is not supported")
        name, path = str(body["arg"]["name"]), str(body[key])
        paths[name] = path
        if path in tensors:
            constants[name] = tensors[path]
    outputs = [spec["user_output"]["arg"] for spec in signature["output_specs"] if "user_output" in spec]
    for what, found in (("inputs", inputs), ("outputs", outputs)):
        if len(found) != 1 or "as_tensor" not in found[0]:
            raise UnsupportedError(
                f"{source}: the model has {len(found)} {what}; a network with exactly one input tensor and one output "
                "tensor is supported: wrap the module in one whose forward takes and returns a single tensor"
            )
    name = str(inputs[0]["as_tensor"]["name"])
    shape = _input_shape(source, name, graph["tensor_values"][name])
    calls = tuple(_call(node) for node in graph["nodes"])
    shapes = {
        str(key): tuple(size.get("as_int") for size in meta["sizes"][1:])
        for key, meta in graph["tensor_values"].items()
    }
    return Program(source, name, shape, calls, constants, paths, str(outputs[0]["as_tensor"]["name"]), shapes)


def _input_shape(source: str, name: str, meta: Json) -> tuple[int, ...]:
    if meta["dtype"] not in _FLOAT_CODES:
        raise UnsupportedError(
            f"{source}: input {name!r} does not hold floating-point numbers (torch's scalar type {meta['dtype']}); a "
            "network takes real values, float32"
        )
    sizes = meta["sizes"]
    for dimension, size in enumerate(sizes[1:], start=1):
        if "as_int" not in size:
            raise UnsupportedError(
                f"{source}: dimension {dimension} of input {name!r} is dynamic; only the batch (dimension 0) may be: "
                "export again with a fixed size there"
            )
    shape = tuple(int(size["as_int"]) for size in sizes[1:])
    if len(shape) not in (1, 2, 3) or not all(0 < size < 2**31 for size in shape):
        raise UnsupportedError(
            f"{source}: input {name!r} has the shape (batch, {', '.join(map(str, shape))}); supported are "
            "(batch, features), (batch, channels, time) and (batch, channels, height, width)"
        )
    if math.prod(shape) > MAX_ELEMENTS:
        raise UnsupportedError(
            f"{source}: input {name!r} has {math.prod(shape)} elements; wanted at most {MAX_ELEMENTS}"
        )
    return shape


def _call(node: Json) -> Call:
    operator = str(node["target"]).removeprefix("torch.ops.").removeprefix("aten.")
    metadata = node.get("metadata") or {}
    stack = [entry.split(",") for entry in str(metadata.get("nn_module_stack", "")).split(";") if entry]
    _, path, kind = stack[-1] if stack and len(stack[-1]) == 3 else ("", "", "")
    results = tuple(name for output in node["outputs"] for name in _results(output))
    return Call(
        operator=operator.split(".")[0],
        arguments={str(argument["name"]): _argument(argument["arg"]) for argument in node["inputs"]},
        result=results[0] if results else "",
        module=path,
        module_class=kind.rsplit(".", 1)[-1],
        line=_line(str(metadata.get("stack_trace", ""))),
        results=results,
    )


def _results(output: Json) -> list[str]:
    tensors = output.get("as_tensors") or [output.get("as_tensor", {})]
    return [str(tensor.get("name", "")) for tensor in tensors]


def _argument(argument: Json) -> object:
    (kind, value), *_ = argument.items()
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return Ref(str(value["name"]))
    if kind == "as_tensors":
        return [Ref(str(tensor["name"])) for tensor in value]
    if kind == "as_optional_tensor":
        return Ref(str(value["as_tensor"]["name"])) if "as_tensor" in value else None
    if kind == "as_sym_int":
        return _size(value)
    if kind == "as_sym_ints":
        return [_size(size) for size in value]
    return value


def _size(size: Json) -> int | Symbol:
    return int(size["as_int"]) if "as_int" in size else Symbol(str(size["as_name"]))


def _line(stack_trace: str) -> str:
    """The innermost line of the user's own source: torch's modules say nothing to a reader."""
    frames = [match for match in _FRAME.finditer(stack_trace) if "/torch/nn/" not in match["file"].replace("\\", "/")]
    return f"{frames[-1]['file']} line {frames[-1]['line']}" if frames else ""


def as_real(source: str, path: str, tensor: Constant) -> npt.NDArray[np.float32]:
    """A constant as float32; raises UnsupportedError if it holds anything but finite real numbers."""
    if tensor.dtype.kind not in "fiu":
        raise UnsupportedError(f"{source}: {path!r} holds {tensor.dtype}; real numbers are supported")
    with np.errstate(over="ignore"):
        real = tensor.astype(np.float32)
    if not np.isfinite(real).all():
        bad = int(np.count_nonzero(~np.isfinite(real)))
        raise UnsupportedError(
            f"{source}: {path!r} holds {bad} of {real.size} values that are NaN or infinite; wanted finite numbers. "
            "Training diverged or the file is damaged: train again, with a lower learning rate"
        )
    return real
