"""Weights on levels whose errors cancel on the samples."""

import pytest
import torch
from torch import nn

from tinybayes.compress import SharedNetwork, compensate
from tinybayes.errors import UnsupportedError


def correlated(samples: int = 200) -> torch.Tensor:
    """Slow signals around a level: neighbouring inputs are alike, as those of a sensor are."""
    torch.manual_seed(1)
    return 2 + torch.randn(samples, 2, 1) + 0.2 * torch.randn(samples, 2, 12).cumsum(2)


def sparse_network() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv1d(2, 6, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(6, 6, 3, stride=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(12, 3),
    )  # fmt: skip
    with torch.no_grad():
        for place in (0, 3, 6):
            network[place].weight.mul_(torch.rand_like(network[place].weight) < 0.6)
    return network


def error(network: nn.Module, original: nn.Module, x: torch.Tensor) -> float:
    with torch.no_grad():
        return float((network(x) - original(x)).square().mean())


def test_levels_are_few_whole_steps_and_zeros_stay_zero():
    network = sparse_network()
    done = compensate(network, 7, 0.0, correlated())
    for place in (0, 3, 6):
        weight = done[place].weight.detach()
        assert not ((weight != 0) & (network[place].weight == 0)).any()
        levels = weight[weight != 0].unique()
        assert 1 < len(levels) <= 7


def test_the_outputs_are_closer_than_with_the_nearest_levels():
    network, x = sparse_network(), correlated()
    for levels in (7, 15):
        nearest = SharedNetwork(network, levels).plain()
        assert error(compensate(network, levels, 0.0, x), network, x) < 0.5 * error(nearest, network, x)


def test_means_stay():
    network, x = sparse_network(), correlated()
    done = compensate(network, 4, 0.0, x)
    with torch.no_grad():
        assert done(x).mean(0).tolist() == pytest.approx(network(x).mean(0).tolist(), abs=1e-5)


def test_it_can_be_shared_as_it_is():
    done = compensate(sparse_network(), 7, 0.0, correlated())
    plain = SharedNetwork(done, 7).plain()
    for place in (0, 3, 6):
        torch.testing.assert_close(plain[place].weight, done[place].weight, rtol=1e-5, atol=0)


def test_two_dimensions_and_groups():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, dilation=2), nn.ReLU(), nn.Conv2d(4, 4, (1, 3), groups=2))
    x = torch.randn(30, 2, 6, 6).cumsum(3)
    done = compensate(network, 5, 0.0, x)
    assert len(done[0].weight.unique()) <= 5
    assert len(done[2].weight.unique()) <= 5
    assert torch.isfinite(done(x)).all()


def test_inputs_that_never_change_and_layers_without_weights():
    network = nn.Sequential(nn.Linear(3, 2, bias=False), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        network[2].weight.zero_()
    done = compensate(network, 3, 0.0, torch.zeros(10, 3))
    assert torch.isfinite(done[0].weight).all()
    assert done[2].weight.count_nonzero() == 0


def test_layers_that_cannot_take_part_are_named():
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.GRU(3, 2))
    with pytest.raises(UnsupportedError, match=r"layer 2: GRU has weights .* Linear, Conv1d and Conv2d .* Share them"):
        compensate(network, 3, 0.0, torch.randn(4, 3))
