"""Graph -> file."""

import json
import os
from pathlib import Path

from tinybayes.errors import FileFormatError, InternalError, UserError
from tinybayes.ir import Graph, Tensor, verify
from tinybayes.tbn.container import Container, pack
from tinybayes.tbn.nodes import add_node
from tinybayes.tbn.payload import PayloadWriter, Record
from tinybayes.tbn.read import loads


def dumps(graph: Graph) -> bytes:
    """The bytes of ``graph``'s file, always the same for the same graph.

    Raises InternalError for a float graph, for facts that are not JSON (NaN and infinity are not), and for anything
    that ``loads`` would not take back.
    """
    if not graph.is_integer:
        raise InternalError("a float network has no file: quantize it first")
    verify(graph)
    payload = PayloadWriter()
    nodes = [add_node(node, payload) for node in graph.nodes]
    header = {
        "facts": dict(graph.facts),
        "input": graph.input,
        "input_scaling": _scaling(graph, payload),
        "nodes": nodes,
        "output": graph.output,
        "tensors": [_tensor(name, tensor) for name, tensor in graph.tensors.items()],
        "torch_input_shape": [int(d) for d in graph.torch_input_shape],
        **({"channels_last_input": True} if graph.channels_last_input else {}),
    }
    try:
        text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InternalError(f"facts of the network are not JSON: {error}") from error
    data = pack(Container(text, bytes(payload.data)))
    try:
        loads(data)
    except FileFormatError as error:
        raise InternalError(f"the network cannot be kept: {error}") from error
    return data


def save(graph: Graph, path: str | os.PathLike[str]) -> None:
    """Writes ``graph`` to ``path``, whole or not at all; UserError when the place cannot be written."""
    data = dumps(graph)
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def _tensor(name: str, tensor: Tensor) -> Record:
    if name != tensor.name:
        raise InternalError(f"tensor {tensor.name!r} is listed as {name!r}")
    return {
        "dtype": tensor.dtype,
        "name": tensor.name,
        "scale": float(tensor.scale),
        "shape": [int(d) for d in tensor.shape],
        "zero_point": int(tensor.zero_point),
    }


def _scaling(graph: Graph, payload: PayloadWriter) -> Record | None:
    scaling = graph.input_scaling
    if scaling is None:
        return None
    return {"mean": payload.add_reals(scaling.mean), "std": payload.add_reals(scaling.std)}
