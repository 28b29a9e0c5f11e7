"""Folds every BatchNorm into the layer before it."""

from dataclasses import replace

import numpy as np

from tinybayes.errors import UnsupportedError
from tinybayes.ir import BatchNorm, Graph, MacNode, Node


def fold_batchnorm(graph: Graph) -> Graph:
    """The float network without BatchNorm: weight * multiplier and bias * multiplier + offset, summed in float64.

    Zero weights stay zero. Raises UnsupportedError for a BatchNorm that is not directly behind a linear or
    convolutional layer whose output nothing else reads.
    """
    nodes: list[Node] = []
    for node in graph.nodes:
        if not isinstance(node, BatchNorm):
            nodes.append(node)
            continue
        place = next((k for k, other in enumerate(nodes) if other.output == node.input), None)
        before = nodes[place] if place is not None else None
        if place is None or not isinstance(before, MacNode) or len(graph.consumers(node.input)) != 1:
            found = (
                f"it stands behind {before.op} {before.name!r}" if before is not None else "it stands behind the input"
            )
            raise UnsupportedError(
                f"layer {node.name!r}: batch_norm is supported only directly behind a linear or convolutional layer, "
                "into "
                f"which it is folded; {found}: move it there"
            )
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
