"""The estimate of ideal bytes."""

import numpy as np
import pytest
import torch
from torch import nn

from tinybayes.compress import entropy_bits, estimated_bytes, gap_bits


def test_entropy_of_known_sources():
    assert entropy_bits(np.array([0, 1, 2, 3] * 8)) == pytest.approx(64)
    assert entropy_bits(np.array([5, 5, 5])) == 0
    assert entropy_bits(np.array([], np.int64)) == 0
    assert entropy_bits(np.array([0, 0, 0, 1])) == pytest.approx(4 * 0.811278, abs=1e-5)


def test_gaps_cost_their_bucket_and_the_bits_within_it():
    # Buckets of gap + 1: [1], [2, 3], [4 .. 7]: equal gaps cost plain bits only.
    assert gap_bits(np.array([0, 0, 0])) == 0
    assert gap_bits(np.array([1, 2])) == 2
    assert gap_bits(np.array([3, 6, 4, 5])) == 8
    assert gap_bits(np.array([0, 1])) == pytest.approx(2 + 1)


def test_dead_rows_and_columns_cost_nothing():
    small, large = nn.Linear(2, 2), nn.Linear(9, 5)
    with torch.no_grad():
        small.weight.copy_(torch.tensor([[1.0, 0.0], [2.0, 1.0]]))
        large.weight.zero_()
        large.weight[1, 3], large.weight[4, 3], large.weight[4, 7] = 1.0, 2.0, 1.0
    assert estimated_bytes(large) == estimated_bytes(small) > 2


def test_an_empty_layer_costs_nothing():
    layer = nn.Conv1d(2, 3, 3)
    with torch.no_grad():
        layer.weight.zero_()
    assert estimated_bytes(layer) == 0
