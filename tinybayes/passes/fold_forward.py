"""Folds a BatchNorm into the recurrent layer that reads it."""

from dataclasses import replace

import numpy as np

from tinybayes.errors import UnsupportedError
from tinybayes.ir import BatchNorm, Graph, Node, Recurrent


def fold_forward(graph: Graph) -> Graph:
    """The float network without each BatchNorm that a recurrent layer alone reads.

    Its channels scale the columns of that layer's input matrix and move its biases, summed in float64; zero weights
    stay zero.
    """
    alone = {name for name in graph.tensors if len(graph.consumers(name)) == 1 and name != graph.output}
    norms = {node.output: node for node in graph.nodes if isinstance(node, BatchNorm) and node.output in alone}
    folded = {node.input for node in graph.nodes if isinstance(node, Recurrent) and node.input in norms}
    nodes: list[Node] = []
    for node in graph.nodes:
        if isinstance(node, Recurrent) and node.input in folded:
            nodes.append(_into(node, norms[node.input]))
        elif node.output not in folded:
            nodes.append(node)
    return graph.with_nodes(nodes, graph.tensors)


def _into(node: Recurrent, norm: BatchNorm) -> Recurrent:
    multiplier, offset = np.asarray(norm.multiplier, np.float64), np.asarray(norm.offset, np.float64)
    layer = node.from_input
    weight = layer.weight.astype(np.float64)
    bias = layer.bias + weight.reshape(layer.outputs, -1) @ offset
    with np.errstate(over="ignore"):
        narrow = (weight * multiplier).astype(np.float32), bias.astype(np.float32)
    if not all(np.isfinite(values).all() for values in narrow):
        raise UnsupportedError(
            f"layer {node.name!r}: folding batch_norm {norm.name!r} gives weights beyond float32; its running variance "
            "is too small: train it again, or longer"
        )
    return replace(node, inputs=norm.inputs, from_input=replace(layer, weight=narrow[0], bias=narrow[1]))
