"""Compressing a trained network without training it: magnitude pruning and weight sharing on its graph."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from tinybayes.compress.blocks import BlockShape
from tinybayes.compress.share import cluster, snap_to_grid
from tinybayes.ir import Graph, MacNode, Node, Recurrent

Weights = npt.NDArray[np.float32]


def layer_adaptive_scores(weight: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """How much each weight matters beside the larger ones of its layer, in 0 to 1, shaped as ``weight``.

    w^2 over the sum of w^2 of all weights at least as large (Lee et al., *Layer-Adaptive Sparsity for the
    Magnitude-Based Pruning*, ICLR 2021, eq. 5): one threshold for all layers then spares small layers, and the
    largest weight of each layer scores 1.
    """
    squares = weight.astype(np.float64).ravel() ** 2
    order = np.argsort(squares, kind="stable")
    beyond = np.cumsum(squares[order][::-1])[::-1]
    scores = np.empty_like(squares)
    scores[order] = np.divide(squares[order], beyond, out=np.zeros_like(beyond), where=beyond > 0)
    return scores.reshape(weight.shape)


def prune_by_magnitude(graph: Graph, sparsity: float, blocks: BlockShape | None = None) -> Graph:
    """``graph`` (float) with the share ``sparsity`` of all its weights set to zero, those that score least.

    With ``blocks``, the weights of a block go together or stay together: each scores by its block's energy. Each layer
    keeps its largest weight (or block), so that none is empty.
    """
    if not 0.0 <= sparsity < 1.0:
        raise ValueError(f"sparsity must be at least 0 and below 1, got {sparsity}")
    weights = {node.name: node.weight if blocks is None else blocks.energies(node.weight) for node in graph.mac_nodes}
    scores = {name: layer_adaptive_scores(weight) for name, weight in weights.items()}
    everything = np.sort(np.concatenate([score.ravel() for score in scores.values()]))
    limit = everything[int(sparsity * everything.size)]

    def pruned(node: MacNode) -> Weights:
        keep = scores[node.name] >= limit
        return np.where(keep, node.weight, np.float32(0))

    return _with_weights(graph, pruned)


def share_weights(graph: Graph, levels: int, rate: float = 0.0) -> Graph:
    """``graph`` (float) in which each layer's nonzero weights take at most ``levels`` values of an 8-bit grid.

    Clusters as :func:`tinybayes.compress.share.cluster` does.
    """

    def shared(node: MacNode) -> Weights:
        alive = node.weight != 0
        weight = node.weight.copy()
        if alive.any():
            centroids, index = cluster(torch.from_numpy(node.weight[alive]), levels, rate)
            weight[alive] = snap_to_grid(centroids, index).numpy()
        return weight

    return _with_weights(graph, shared)


def _with_weights(graph: Graph, change: Callable[[MacNode], Weights]) -> Graph:
    nodes = [_changed(node, change) for node in graph.nodes]
    return graph.with_nodes(nodes, graph.tensors)


def _changed(node: Node, change: Callable[[MacNode], Weights]) -> Node:
    if isinstance(node, Recurrent):
        given, fed = (replace(layer, weight=change(layer)) for layer in node.weighted)
        return replace(node, from_input=given, from_state=fed)
    return replace(node, weight=change(node)) if isinstance(node, MacNode) else node
