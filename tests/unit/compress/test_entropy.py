"""The coded size of shared weights: against the entropy counted by hand, and the way its gradient points."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from tinybayes.compress import SharedNetwork, coded_bits, estimated_bytes, prune_iteratively
from tinybayes.frontend import import_module
from tinybayes.passes import to_integer
from tinybayes.pipeline import reference_accuracy
from tinybayes.plan import make_plan
from tinybayes.plan.formats import Illegal, Site
from tinybayes.plan.formats.huffman import encode


def test_values_that_lie_on_their_levels_cost_their_entropy():
    levels = torch.tensor([-1.0, 1.0, 2.0])
    values = torch.cat([torch.full((6,), -1.0), torch.full((2,), 2.0)])
    counts, weights = {"zero": 24, "-1": 6, "2": 2}, 32
    entropy = sum(-count * math.log2(count / weights) for count in counts.values())
    assert float(coded_bits(values, levels, weights)) == pytest.approx(entropy, rel=1e-5)


def test_it_is_what_ideal_codes_of_places_and_of_levels_take():
    weights, living, levels = 100_000, 1_005, torch.arange(1.0, 16.0)
    values = levels[torch.arange(living) % 15]
    share = living / weights
    places = -weights * (share * math.log2(share) + (1 - share) * math.log2(1 - share))
    assert float(coded_bits(values, levels, weights)) == pytest.approx(places + living * math.log2(15), rel=1e-5)


def test_places_at_random_take_about_what_the_device_codes_of_gaps_take():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(300, 300, bias=False))
    with torch.no_grad():
        network[0].weight.copy_((torch.rand(300, 300) < 0.02) * torch.randint(1, 8, (300, 300)))
    bits = float(SharedNetwork(network, 15).coded_bits().detach())
    graph = to_integer(import_module(network, np.zeros((2, 300), np.float32)), np.eye(300, dtype=np.float32))
    stream = encode(graph.mac_nodes[0], Site())
    assert not isinstance(stream, Illegal)
    assert 1.0 < 8 * stream.array("stream").values.nbytes / bits < 1.05


def test_the_gradient_is_that_of_the_living_weights_bits():
    torch.manual_seed(0)
    levels, values = torch.linspace(-1.0, 1.0, 7), torch.randn(200)
    latent, same = values.clone().requires_grad_(), values.clone().requires_grad_()
    coded_bits(latent, levels, 5000).backward()
    table = torch.cat([torch.zeros(1), levels.unique()])
    squares = (same[:, None] - table) ** 2
    counts = torch.bincount(squares.argmin(1), minlength=len(table)).float()
    counts[0] += 4800
    lengths = -torch.log2(counts.clamp(min=0.5) / 5000)
    (torch.softmax(-squares / (2 * squares.detach().amin(1).mean()), 1) @ lengths).sum().backward()
    assert torch.equal(latent.grad, same.grad)


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


def test_equal_error_takes_fewer_bytes_in_flash():
    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)
    train_x, train_y = torch.from_numpy(x[:1200]), torch.from_numpy(y[:1200])

    def trained(module: nn.Module, epochs: int, rate: float, entropy_weight: float = 0.0) -> None:
        optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=rate)
        for _ in range(epochs):
            for rows in torch.randperm(1200).split(100):
                optimizer.zero_grad()
                loss = functional.cross_entropy(module(train_x[rows]), train_y[rows])
                if entropy_weight:
                    loss = loss + entropy_weight / 1200 * module.coded_bits()
                loss.backward()
                optimizer.step()

    def reached(pruned: nn.Module, entropy_weight: float, seed: int) -> tuple[float, int]:
        """Error of the integer network in percent of 597 digits that nothing was trained on; bytes in flash."""
        torch.manual_seed(seed)
        shared = SharedNetwork(pruned, 15, prunes=entropy_weight > 0)
        trained(shared, 20, 3e-4, entropy_weight)
        graph = to_integer(import_module(shared.plain(), x[:2]), x[:300])
        error = 100 * (1 - reference_accuracy(graph, x[1200:], y[1200:]))
        return error, make_plan(graph, "flash", "cortex-m4").weights_bytes

    without, priced = [], []
    for seed in range(3):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(64, 60), nn.ReLU(), nn.Linear(60, 10))
        trained(network, 30, 3e-3)
        pruned = prune_iteratively(network, (0.5, 0.7), lambda masked, number: trained(masked, 8, 1e-3)).plain()
        without.append(reached(pruned, 0.0, seed))
        priced.append(reached(pruned, 0.1, seed))
    assert all(after < 0.97 * before for (_, before), (_, after) in zip(without, priced, strict=True))
    assert np.mean([error for error, _ in priced]) <= np.mean([error for error, _ in without]) + 0.1
