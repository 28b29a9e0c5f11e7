"""Pruning by magnitude and sharing on a graph, without training."""

import numpy as np
import pytest

from tinybayes.compress import SHAPES, layer_adaptive_scores, prune_by_magnitude, share_weights
from tinybayes.ir import Graph, Linear, Tensor


def graph(*weights: np.ndarray) -> Graph:
    tensors = {"x": Tensor("x", (weights[0].shape[1],), "float32", 1.0)}
    nodes = []
    for number, weight in enumerate(weights):
        tensors[f"t{number}"] = Tensor(f"t{number}", (len(weight),), "float32", 1.0)
        nodes.append(
            Linear(
                name=f"layer.{number}", inputs=("x" if not nodes else f"t{number - 1}",), output=f"t{number}",
                weight=weight[:, None, None, :].astype(np.float32), bias=np.zeros(len(weight), np.float32),
                dense_shape=(len(weight), 1, 1, weight.shape[1]),
            )
        )  # fmt: skip
    return Graph(tensors, tuple(nodes), "x", nodes[-1].output, (weights[0].shape[1],))


def test_scores_are_the_share_of_a_weight_among_those_at_least_as_large():
    scores = layer_adaptive_scores(np.array([[3.0, -1.0], [2.0, 0.0]], np.float32))
    np.testing.assert_allclose(scores, [[1.0, 1 / 14], [4 / 13, 0.0]])


def test_a_layer_of_zeros_scores_nothing():
    assert (layer_adaptive_scores(np.zeros((2, 3), np.float32)) == 0).all()


def test_scores_do_not_depend_on_the_scale_of_a_layer():
    weight = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    np.testing.assert_allclose(layer_adaptive_scores(weight), layer_adaptive_scores(1000 * weight), rtol=1e-5)


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.9, 0.97])
def test_the_asked_share_goes_and_every_layer_keeps_its_largest_weight(sparsity):
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(40, 30)), 1e-3 * rng.normal(size=(10, 40))
    pruned = prune_by_magnitude(graph(*weights), sparsity)
    total = sum(w.size for w in weights)
    assert sum(node.nonzero for node in pruned.mac_nodes) == total - int(sparsity * total)
    for node, weight in zip(pruned.mac_nodes, weights, strict=True):
        kept = node.weight.reshape(weight.shape) != 0
        assert kept.flat[np.abs(weight).argmax()]
        assert np.abs(weight[kept]).min() >= np.abs(weight[~kept]).max(initial=0.0)


def test_a_share_of_one_is_refused():
    with pytest.raises(ValueError, match=r"at least 0 and below 1, got 1\.0"):
        prune_by_magnitude(graph(np.ones((2, 2))), 1.0)


def test_shared_weights_take_few_levels_of_an_8_bit_grid_and_zeros_stay():
    weight = np.random.default_rng(2).normal(size=(20, 20)).astype(np.float32)
    weight[np.abs(weight) < 0.5] = 0
    shared = share_weights(graph(weight), 7).mac_nodes[0].weight.reshape(20, 20)
    assert ((shared == 0) >= (weight == 0)).all()
    levels = np.unique(shared[shared != 0])
    assert len(levels) <= 7
    steps = levels / np.abs(levels).max() * 127
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_block_goes_or_stays_as_a_whole(shape):
    blocks = SHAPES[shape]
    weight = np.random.default_rng(1).normal(size=(24, 64)).astype(np.float32)
    pruned = prune_by_magnitude(graph(weight), 0.75, blocks).nodes[0].matrix
    assert np.count_nonzero(pruned) == weight.size // 4
    whole = pruned.reshape(24 // blocks.rows, blocks.rows, 64 // blocks.columns, blocks.columns).transpose(0, 2, 1, 3)
    live = (whole != 0).reshape(len(whole), -1, blocks.rows * blocks.columns)
    assert (live.any(axis=2) == live.all(axis=2)).all()
    energy = (weight.reshape(whole.shape[0], blocks.rows, -1, blocks.columns) ** 2).sum(axis=(1, 3))
    assert energy[live.all(axis=2)].min() > energy[~live.any(axis=2)].max(), "the blocks of most energy stay"


def test_blocks_at_the_edges_are_weighed_by_what_is_in_them():
    weight = np.ones((5, 5), np.float32)
    weight[4, 4] = 3
    pruned = prune_by_magnitude(graph(weight), 0.96, SHAPES["1x4"]).nodes[0].matrix
    assert np.flatnonzero(pruned).tolist() == [24]
