"""Folds a BatchNorm that stands behind no layer with weights into the layer that reads it."""

from dataclasses import replace

import numpy as np

from tinybayes.errors import UnsupportedError
from tinybayes.ir import BatchNorm, Flatten, Graph, Linear, MacNode, Node, Recurrent


def fold_forward(graph: Graph) -> Graph:
    """The float network without each BatchNorm that only a linear or recurrent layer reads and no layer stands before.

    Summed in float64; zero weights stay zero. A map may be laid out as a vector in between.
    """
    norms = {node.output: node for node in graph.nodes if isinstance(node, BatchNorm) and not _has_layer(graph, node)}
    nodes: list[Node] = []
    folded: dict[str, str] = {}
    for node in graph.nodes:
        norm = _norm_before(graph, node, norms)
        if norm is None:
            nodes.append(node)
            continue
        assert isinstance(node, Linear | Recurrent)
        nodes.append(_into(node, norm, graph))
        folded[norm.output] = norm.input
    kept = [node for node in nodes if node.output not in folded]
    renamed = [replace(n, inputs=tuple(folded.get(name, name) for name in n.inputs)) for n in kept]
    return graph.with_nodes(renamed, graph.tensors)


def _has_layer(graph: Graph, norm: BatchNorm) -> bool:
    """Whether a layer with weights stands directly before it, and nothing else reads that."""
    before = next((node for node in graph.nodes if node.output == norm.input), None)
    return isinstance(before, MacNode) and len(graph.consumers(norm.input)) == 1


def _norm_before(graph: Graph, node: Node, norms: dict[str, BatchNorm]) -> BatchNorm | None:
    """The BatchNorm whose channels ``node`` reads, alone, perhaps laid out as a vector."""
    if not isinstance(node, Linear | Recurrent):
        return None
    writers = {other.output: other for other in graph.nodes}
    name = node.input
    while name in writers and len(graph.consumers(name)) == 1 and name != graph.output:
        if name in norms:
            return norms[name]
        if not isinstance(writers[name], Flatten):
            return None
        name = writers[name].input
    return None


def _into(node: Linear | Recurrent, norm: BatchNorm, graph: Graph) -> Node:
    repeats = graph.tensors[node.input].channels // len(norm.multiplier)
    multiplier = np.tile(np.asarray(norm.multiplier, np.float64), repeats)
    offset = np.tile(np.asarray(norm.offset, np.float64), repeats)
    if isinstance(node, Recurrent):
        return replace(node, from_input=_scaled(node.from_input, multiplier, offset, norm))
    return _scaled(node, multiplier, offset, norm)


def _scaled(layer: Linear, multiplier: np.ndarray, offset: np.ndarray, norm: BatchNorm) -> Linear:
    weight = layer.weight.astype(np.float64)
    bias = layer.bias + weight.reshape(layer.outputs, -1) @ offset
    with np.errstate(over="ignore"):
        narrow = (weight * multiplier).astype(np.float32), bias.astype(np.float32)
    if not all(np.isfinite(values).all() for values in narrow):
        raise UnsupportedError(
            f"layer {layer.name!r}: folding batch_norm {norm.name!r} gives weights beyond float32; its running "
            "variance is too small: train it again, or longer"
        )
    return replace(layer, weight=narrow[0], bias=narrow[1])
