"""The coded size of shared weights: against the entropy counted by hand, and the way its gradient points."""

import math

import pytest
import torch
from torch import nn

from tinybayes.compress import SharedNetwork, coded_bits, estimated_bytes


def test_values_that_lie_on_their_levels_cost_their_entropy():
    levels = torch.tensor([-1.0, 1.0, 2.0])
    values = torch.cat([torch.full((6,), -1.0), torch.full((2,), 2.0)])
    counts, weights = {"zero": 24, "-1": 6, "2": 2}, 32
    entropy = sum(-count * math.log2(count / weights) for count in counts.values())
    # The 24 zeros themselves are never coded as living weights; each of the others pays for its symbol.
    living = entropy + 24 * math.log2(24 / 32)
    assert float(coded_bits(values, levels, weights)) == pytest.approx(living, rel=1e-5)


def test_the_gradient_draws_to_the_common_level_and_to_zero():
    levels = torch.tensor([0.5, 1.0])
    values = torch.cat([torch.full((50,), 1.02), torch.tensor([0.6, 0.3])]).requires_grad_()
    coded_bits(values, levels, 1000).backward()
    assert values.grad[50] < 0  # towards the fifty at 1.0, by descent
    assert values.grad[51] > 0  # towards zero, the commonest of all


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0], [3.0], [1e-30, -1e-30]])
def test_small_and_degenerate_layers_give_finite_bits_and_gradients(values):
    latent = torch.tensor(values, requires_grad=True)
    bits = coded_bits(latent, torch.tensor([3.0, 3.0]), 10)
    assert bits.isfinite()
    if latent.numel():
        bits.backward()
        assert latent.grad.isfinite().all()


def test_lowering_it_prunes_and_shrinks_a_network():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(200, 50))
    with torch.no_grad():
        network[0].weight.mul_(torch.rand(50, 200) < 0.1)
    shared = SharedNetwork(network, 15, prunes=True)
    before, optimizer = shared.plain(), torch.optim.Adam([shared.latent0], lr=2e-4)
    for _ in range(80):
        optimizer.zero_grad()
        shared.coded_bits().backward()
        optimizer.step()
    after = shared.plain()
    assert estimated_bytes(after) < 0.85 * estimated_bytes(before)
    assert int(after[0].weight.count_nonzero()) < int(before[0].weight.count_nonzero())


def test_a_pruned_weight_can_come_back():
    network = nn.Sequential(nn.Linear(4, 1, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, 1.0, 1.0, 0.9]]))
    shared = SharedNetwork(network, 2, prunes=True)
    with torch.no_grad():
        shared.latent0[0, 3] = 0.1
    assert shared.plain()[0].weight.count_nonzero() == 3
    shared(torch.ones(1, 4)).sum().backward()
    assert shared.latent0.grad[0, 3] == 1.0
    with torch.no_grad():
        shared.latent0[0, 3] = 0.8
    assert shared.plain()[0].weight.count_nonzero() == 4
