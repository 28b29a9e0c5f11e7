"""report.json: what is known about a compiled network, growing through compile, build and verify.

A figure that has not been obtained yet is null, never 0 and never a guess.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinybayes.boards import Target
from tinybayes.errors import FileFormatError
from tinybayes.ir import Graph, Node, Recurrent
from tinybayes.plan import Plan, Step

SCHEMA = 1
FILE_NAME = "report.json"
Record = dict[str, Any]


def compiled(plan: Plan, board: Target, *, name: str, protocol: str) -> Record:
    """The record after ``compile``: network, board, weight bytes and arena are exact, the rest is null."""
    graph = plan.graph
    layers = [_layer(graph, step) for step in plan.steps]
    return {
        "schema": SCHEMA,
        "network": {
            "name": name,
            "input_shape": list(graph.input_tensor.shape),
            "output_shape": list(graph.output_tensor.shape),
            "parameters": sum(math.prod(node.dense_shape) + node.dense_shape[0] for node in graph.mac_nodes),
            "nonzero": sum(node.nonzero for node in graph.mac_nodes),
            "macs_dense": sum(layer["macs_dense"] or 0 for layer in layers),
            "macs_nonzero": sum(nonzeros(node) * positions(graph, node) for node in graph.nodes if node.weighted),
        },
        "board": {"name": board.name, "core": board.core, "clock_hz": board.clock_hz},
        "objective": plan.objective,
        "protocol": protocol,
        "flash": {"weights_bytes": plan.weights_bytes, "code_bytes": None, "other_bytes": None, "image_bytes": None},
        "ram": {
            "arena_bytes": plan.arena_bytes,
            "arena_is_smallest": plan.arena_is_smallest,
            "static_bytes": None,
            "stack_bytes": None,
            "total_bytes": None,
        },
        "latency": {
            "source": None,
            "instructions": None,
            "cycles": None,
            "flash_stall_cycles": None,
            "seconds": None,
            "model_version": None,
            "between_layers": None,
            "same_for_every_input": None,
            "calibration": None,
        },
        "layers": layers,
        "arena": [
            {
                "name": buffer.name,
                "offset": buffer.offset,
                "bytes": buffer.size_bytes,
                "first_step": buffer.first_step,
                "last_step": buffer.last_step,
            }
            for buffer in plan.buffers
        ],
        "verify": {},
        "accuracy": {"float": None, "reference": None, "device": None, "samples": None},
        "stages": list(graph.facts.get("stages", [])),
        "comparison": _comparison(graph),
    }


def nonzeros(node: Node) -> int:
    """Nonzero weights of all matrices of an operator."""
    return sum(layer.nonzero for layer in node.weighted)


def positions(graph: Graph, node: Node) -> int:
    """Positions at which a layer multiplies with its weights: of its output, before any pooling, or of a series."""
    series = isinstance(node, Recurrent)
    height, width, _ = graph.tensors[node.input if series else node.output].hwc
    return height * width


def read_record(directory: Path) -> Record:
    """The record in ``directory``; FileFormatError where it is missing or not one of ours."""
    path = directory / FILE_NAME
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileFormatError(
            f"{directory} holds no {FILE_NAME}; "
            f"this writes it: tinybayes compile NET.tbn --board BOARD --out {directory}"
        ) from None
    except (ValueError, OSError, RecursionError) as error:
        raise FileFormatError(f"{path} cannot be read ({error}); compile again to write it anew") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        got = record.get("schema") if isinstance(record, dict) else type(record).__name__
        raise FileFormatError(f"{path}: got schema {got!r}, wanted {SCHEMA}; compile again to write it anew")
    return record


def record_text(record: Mapping[str, Any]) -> str:
    """The record as text: indented, keys in their order."""
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _layer(graph: Graph, step: Step) -> Record:
    node = step.node
    layers = node.weighted if node is not None else ()
    weights = sum(math.prod(layer.dense_shape) for layer in layers)
    kinds = step.encoding.bytes_by_kind if step.encoding is not None and not step.shares else {}
    return {
        "name": step.name,
        "op": step.op,
        "format": step.format,
        "fused": step.pool.name if step.pool is not None else None,
        "tensor": step.tensor,
        "shape": list(step.target.tensor.shape),
        "nonzero": nonzeros(node) if node is not None and layers else None,
        "weights": weights if layers else None,
        "live_shape": list(layers[0].weight.shape) if len(layers) == 1 else None,
        "macs_dense": weights * positions(graph, node) if node is not None and layers else None,
        "weights_bytes": step.weights_bytes,
        "weights_bytes_by_kind": kinds,
        "code_bytes": None,
        "instructions": None,
        "cycles": None,
        "flash_stall_cycles": None,
    }


def _comparison(graph: Graph) -> Record:
    """Weight bytes of the same network stored dense: int8 with int32 biases and multipliers, and float32."""
    weights = sum(math.prod(node.dense_shape) for node in graph.mac_nodes)
    biases = sum(node.dense_shape[0] for node in graph.mac_nodes)
    return {"dense_int8_bytes": weights + 4 * biases, "float32_bytes": 4 * (weights + biases)}
