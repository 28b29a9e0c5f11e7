"""Folds BatchNorm into the layer before it."""

from dataclasses import replace

import numpy as np

from tinybayes.errors import UnsupportedError
from tinybayes.ir import BatchNorm, Graph, MacNode, Node
from tinybayes.passes.fold_forward import fold_forward


def fold_batchnorm(graph: Graph) -> Graph:
    """The float network, each BatchNorm in the layer before it: weight * multiplier and bias * multiplier + offset.

    One in front of a recurrent layer goes into that. The sums are made in float64. Zero weights stay zero. A BatchNorm
    stays where there is no linear or convolutional layer directly before it, or something else reads that layer's
    output, too. Raises UnsupportedError for weights beyond float32.
    """
    graph = fold_forward(graph)
    nodes: list[Node] = []
    for node in graph.nodes:
        if not isinstance(node, BatchNorm):
            nodes.append(node)
            continue
        place = next((k for k, other in enumerate(nodes) if other.output == node.input), None)
        before = nodes[place] if place is not None else None
        if place is None or not isinstance(before, MacNode) or len(graph.consumers(node.input)) != 1:
            nodes.append(node)
            continue
        nodes[place] = _folded(before, node)
    return graph.with_nodes(nodes, graph.tensors)


def _folded(layer: MacNode, norm: BatchNorm) -> MacNode:
    multiplier, offset = np.asarray(norm.multiplier, np.float64), np.asarray(norm.offset, np.float64)
    weight = layer.weight.astype(np.float64) * multiplier[:, None, None, None]
    bias = layer.bias.astype(np.float64) * multiplier + offset
    with np.errstate(over="ignore"):
        narrow = weight.astype(np.float32), bias.astype(np.float32)
    if not all(np.isfinite(values).all() for values in narrow):
        raise UnsupportedError(
            f"layer {layer.name!r}: folding batch_norm {norm.name!r} gives weights beyond float32; its running "
            "variance is "
            "too small: train it again, or longer"
        )
    return replace(layer, output=norm.output, weight=narrow[0], bias=narrow[1])
