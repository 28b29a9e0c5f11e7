"""File -> Graph. Every byte is hostile until it has been checked."""

import json
import math
import os
from pathlib import Path
from typing import Any, cast

import numpy as np

from tinybayes.errors import FileFormatError, InternalError, UserError
from tinybayes.ir import Graph, InputScaling, Node, Tensor, verify
from tinybayes.ir.tensor import DType
from tinybayes.tbn.container import MAX_FILE_BYTES, VersionError, unpack
from tinybayes.tbn.fields import Fields
from tinybayes.tbn.limits import MAX_ELEMENTS, MAX_WEIGHTS
from tinybayes.tbn.nodes import take_node
from tinybayes.tbn.payload import PayloadReader

_GRAPH_KEYS = ("facts", "input", "input_scaling", "nodes", "output", "tensors", "torch_input_shape")
_CHANNELS_LAST = "channels_last_input"
"""A key that is there only where it is true."""
_TENSOR_KEYS = ("dtype", "name", "scale", "shape", "zero_point")
_TODO = "Get the file again, or make it anew with `tinybayes train`."


def load(path: str | os.PathLike[str]) -> Graph:
    """The network kept in ``path``; FileFormatError names the file, the place and what is wrong there.

    Raises UserError when there is no such file or it cannot be read.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a file; wanted a compressed network (.tbn)")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    return loads(data, str(path))


def loads(data: bytes, source: str = "<bytes>") -> Graph:
    """The network kept in ``data``; ``source`` is what messages call the file."""
    try:
        if len(data) > MAX_FILE_BYTES:
            raise FileFormatError(f"the file is larger than {MAX_FILE_BYTES} bytes, so it is no compressed network")
        container = unpack(data)
        return _graph(_parse(container.header), PayloadReader(container.payload))
    except VersionError as error:
        raise FileFormatError(f"{source}: {error}") from None
    except FileFormatError as error:
        raise FileFormatError(f"{source}: {error}. {_TODO}") from None


def _parse(header: bytes) -> object:
    try:
        value = json.loads(
            header.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_not_a_number,
            parse_float=_finite,
        )
        # A lone surrogate, written as an escape, is a str that cannot be printed.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"the header is not JSON: {str(error)[:120]}") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key occurs twice in an object")
    return values


def _not_a_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:30]} is out of range")
    return value


def _graph(header: object, payload: PayloadReader) -> Graph:
    last = type(header) is dict and _CHANNELS_LAST in header
    fields = Fields(header, "header", (*_GRAPH_KEYS, _CHANNELS_LAST) if last else _GRAPH_KEYS)
    if last and not fields.is_true(_CHANNELS_LAST):
        raise fields.fail(_CHANNELS_LAST, "true, or no such key")
    tensors: dict[str, Tensor] = {}
    for i, value in enumerate(fields.entries("tensors")):
        tensor = _tensor(value, f"header.tensors[{i}]")
        if tensor.name in tensors:
            raise FileFormatError(f"header.tensors[{i}].name: {tensor.name!r} is listed twice")
        tensors[tensor.name] = tensor
    for key in ("input", "output"):
        if fields.name(key) not in tensors:
            raise fields.fail(key, "the name of a tensor of this file")
    source = tensors[fields.name("input")]
    shape = fields.integers("torch_input_shape", 1, MAX_ELEMENTS, (1, 2, 3, 4))
    if math.prod(shape) != source.elements:
        raise fields.fail("torch_input_shape", f"the {source.elements} elements of the input {source.shape}")
    nodes: list[Node] = []
    weights = 0
    for i, value in enumerate(fields.entries("nodes")):
        node = take_node(value, f"header.nodes[{i}]", payload, tensors)
        weights += sum(layer.weight.size for layer in node.weighted)
        if weights > MAX_WEIGHTS:
            raise FileFormatError(f"header.nodes[{i}]: more than {MAX_WEIGHTS} weights in all")
        nodes.append(node)
    scaling = _scaling(fields, payload, source)
    if payload.bytes_left:
        raise FileFormatError(f"header: {payload.bytes_left} bytes of the payload belong to nothing")
    graph = Graph(
        tensors=tensors,
        nodes=tuple(nodes),
        input=source.name,
        output=fields.name("output"),
        torch_input_shape=shape,
        input_scaling=scaling,
        facts=fields.mapping("facts"),
        channels_last_input=last,
    )
    try:
        return verify(graph)
    except InternalError as error:
        raise FileFormatError(f"the network contradicts itself: {error}") from None


def _tensor(value: object, where: str) -> Tensor:
    fields = Fields(value, where, _TENSOR_KEYS)
    tensor = Tensor(
        name=fields.name("name"),
        shape=fields.integers("shape", 1, MAX_ELEMENTS, (1, 2, 3)),
        dtype=cast(DType, fields.choice("dtype", ("int8", "uint8"))),
        scale=fields.positive("scale"),
        zero_point=fields.integer("zero_point", -128, 255),
    )
    if tensor.elements > MAX_ELEMENTS:
        raise fields.fail("shape", f"at most {MAX_ELEMENTS} elements")
    return tensor


def _scaling(owner: Fields, payload: PayloadReader, source: Tensor) -> InputScaling | None:
    if owner.is_null("input_scaling"):
        return None
    fields = owner.record("input_scaling", ("mean", "std"))
    mean, std = (payload.take_reals(fields, key, (1, source.channels)) for key in ("mean", "std"))
    if max(float(np.abs(mean).max()), float(std.max())) > float(np.finfo(np.float32).max):
        raise FileFormatError(f"{fields.where}: got a number beyond float32")
    scaling = InputScaling(mean=mean.astype(np.float32), std=std.astype(np.float32))
    if not bool((scaling.std > 0).all()):
        raise FileFormatError(f"{fields.where}.std: got {std.min()}, wanted numbers above 0")
    return scaling
