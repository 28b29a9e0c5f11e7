"""Equalizing channels keeps the network and makes its layers even."""

import pytest
import torch
from torch import nn

from tinybayes.compress import equalize


def uneven_network() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv1d(2, 4, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(10, 3)
    )
    with torch.no_grad():
        network[0].weight.mul_(torch.tensor([0.01, 1.0, 5.0, 0.3])[:, None, None])
        network[0].weight[torch.rand_like(network[0].weight) < 0.3] = 0.0
    return network


def test_the_network_stays_what_it_is():
    network, x = uneven_network(), torch.randn(20, 2, 10)
    before = network[0].weight.clone()
    equalized = equalize(network)
    torch.testing.assert_close(equalized(x), network(x), rtol=1e-4, atol=1e-5)
    assert torch.equal(network[0].weight, before)
    assert torch.equal(equalized[0].weight == 0, before == 0)


def test_channels_weigh_alike_on_both_sides():
    equalized = equalize(uneven_network())
    for first, second in ((0, 3), (3, 6)):
        leaving = equalized[first].weight.abs().flatten(1).amax(1)
        into = equalized[second].weight.reshape(equalized[second].weight.shape[0], len(leaving), -1)
        assert leaving.tolist() == pytest.approx(into.abs().amax((0, 2)).tolist(), rel=0.05)


def test_dead_channels_are_left_alone():
    network = uneven_network()
    with torch.no_grad():
        network[0].weight[1] = 0.0
        network[3].weight[:, 2] = 0.0
    equalized, x = equalize(network), torch.randn(20, 2, 10)
    torch.testing.assert_close(equalized(x), network(x), rtol=1e-4, atol=1e-5)
    assert torch.equal(equalized[0].bias[1:3], network[0].bias[1:3])


@pytest.mark.parametrize("between", [nn.Sigmoid(), nn.BatchNorm1d(4)])
def test_nothing_is_scaled_across_a_layer_that_minds(between):
    network = nn.Sequential(nn.Linear(3, 4), between, nn.Linear(4, 2)).eval()
    equalized = equalize(network)
    assert torch.equal(equalized[0].weight, network[0].weight)
    assert torch.equal(equalized[2].weight, network[2].weight)
