"""Deep Compression: which weights go, the paper's way of counting, and the whole method on real digits."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from tinybayes.compress import SharedNetwork, han_sizes, prune_by_deviation, prune_iteratively, weight_counts


def layer(weights: list[list[float]]) -> nn.Linear:
    module = nn.Linear(len(weights[0]), len(weights), bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(weights))
    return module


def test_weights_below_so_many_deviations_go():
    network = layer([[1.0, -1.0, 3.0, -3.0]])  # their deviation is the square root of 5
    kept = prune_by_deviation(network, 0.9).plain().weight
    assert kept.tolist() == [[0.0, 0.0, 3.0, -3.0]]
    assert prune_by_deviation(network, 0.4).plain().weight.tolist() == [[1.0, -1.0, 3.0, -3.0]]


def test_the_next_round_measures_only_the_living_and_revives_none():
    first = prune_by_deviation(layer([[1.0, -1.0, 3.0, -3.0, 4.0]]), 0.5)
    assert first.masks["weight"].tolist() == [[0.0, 0.0, 1.0, 1.0, 1.0]]
    second = prune_by_deviation(first, 1.0)  # the deviation of 3, -3 and 4 is 3.09
    assert second.plain().weight.tolist() == [[0.0, 0.0, 0.0, 0.0, 4.0]]


def test_the_largest_weight_always_stays():
    assert weight_counts(prune_by_deviation(layer([[0.5, 0.5], [0.5, 0.5]]), 9.0).plain()) == (4, 4)
    assert weight_counts(prune_by_deviation(layer([[0.5, 0.1]]), 99.0).plain()) == (1, 2)
    assert weight_counts(prune_by_deviation(layer([[0.0, 0.0]]), 1.0).plain()) == (0, 2)


def test_a_gap_beyond_the_reach_of_its_index_takes_a_filler():
    # The paper's figure 2: three bits of index; a nonzero 1, 4 and 11 places behind the one before it.
    row = np.zeros(17, dtype=np.float32)
    row[[1, 4, 15]] = [3.4, 0.9, 1.7]
    size = han_sizes(layer([row.tolist()]), index_bits=3)["weight"]
    assert (size.nonzero, size.fillers, size.levels) == (3, 1, 3)
    assert size.fixed_bits == 4 * (2 + 3) + 3 * 32
    assert size.float_bits == 17 * 32


def test_huffman_bits_are_those_of_the_two_streams():
    row = [2.0, 2.0, 2.0, 0.0, 5.0]  # levels 2, 2, 2, 5: one bit each; gaps 1, 1, 1, 2: one bit each
    assert han_sizes(layer([row]))["weight"].huffman_bits == 4 + 4 + 2 * 32


def test_layers_of_one_level_or_none_have_a_size():
    assert han_sizes(layer([[0.0, 0.0]]))["weight"].huffman_bits == 0
    single = han_sizes(layer([[0.0, 7.0]]))["weight"]
    assert (single.fixed_bits, single.huffman_bits) == (1 + 5 + 32, 1 + 1 + 32)


@pytest.mark.parametrize(("call", "text"), [
    (lambda: prune_by_deviation(nn.Linear(2, 2), -1.0), "quality"),
    (lambda: han_sizes(nn.Linear(2, 2), index_bits=0), "index_bits"),
    (lambda: prune_iteratively(nn.Linear(2, 2), [0.5, 0.4], print), "must rise"),
    (lambda: prune_iteratively(nn.Linear(2, 2), [0.5, 1.0], print), "below 1"),
    (lambda: prune_iteratively(nn.Linear(2, 2), [], print), "sparsities"),
])  # fmt: skip
def test_arguments_out_of_range_are_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_each_round_reaches_its_sparsity_trains_and_revives_none():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(40, 50), nn.ReLU(), nn.Linear(50, 10))
    rounds = []

    def train(masked: nn.Module, number: int) -> None:
        rounds.append((number, weight_counts(masked.plain())[0], masked.masks))
        with torch.no_grad():
            for parameter in masked.parameters():
                parameter.add_(0.01 * torch.randn_like(parameter))

    last = prune_iteratively(network, (0.0, 0.5, 0.9), train)
    assert [number for number, _, _ in rounds] == [0, 1, 2]
    assert [nonzero for _, nonzero, _ in rounds] == [pytest.approx(2500 * part, abs=1) for part in (1.0, 0.5, 0.1)]
    for (_, _, before), (_, _, after) in pairwise(rounds):
        assert all((after[name] <= before[name]).all() for name in before)
    assert weight_counts(last.plain())[0] == rounds[-1][1]
    assert weight_counts(network) == (2500, 2500), "the network that is given stays as it is"


def test_the_same_number_of_deviations_holds_for_all_layers():
    wide, narrow = [[1.0, -1.0, 30.0, -30.0]], [[0.1], [-0.1], [0.3], [-0.3]]
    network = nn.Sequential(layer(wide), layer(narrow))
    kept = prune_iteratively(network, [0.5], lambda masked, number: None).plain()
    assert kept[0].weight.tolist() == [[0, 0, 30, -30]]
    assert kept[1].weight.flatten().tolist() == pytest.approx([0, 0, 0.3, -0.3])


def trained(module: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int, rate: float) -> None:
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=rate)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(100):
            optimizer.zero_grad()
            F.cross_entropy(module(x[rows]), y[rows]).backward()
            optimizer.step()


def test_the_whole_method_makes_a_network_of_digits_twenty_times_smaller():
    torch.manual_seed(0)
    digits = load_digits()
    x, y = torch.from_numpy(digits.data).float() / 16, torch.from_numpy(digits.target)
    network = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
    trained(network, x[:1400], y[:1400], 30, 2e-3)

    def error(module: nn.Module) -> float:
        return float((module(x[1400:]).argmax(1) != y[1400:]).float().mean())

    dense = error(network)
    pruned = prune_iteratively(
        network,
        (0.6, 0.7, 0.77, 0.82, 0.85, 0.87),
        lambda masked, number: trained(masked, x[:1400], y[:1400], 12, 1e-3),
    )
    shared = SharedNetwork(pruned.plain(), 15)
    trained(shared, x[:1400], y[:1400], 10, 5e-4)
    plain = shared.plain()
    sizes = han_sizes(plain).values()
    ratio = sum(size.float_bits for size in sizes) / sum(size.huffman_bits for size in sizes)
    assert ratio > 20
    assert error(plain) <= dense + 0.015
