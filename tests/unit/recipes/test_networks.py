"""Evening out the reach of input channels."""

import torch
from torch import nn

from tinybayes.recipes.networks import Standardize, evened


def test_channels_reach_equally_far_and_the_network_stays_what_it_is():
    torch.manual_seed(0)
    x = torch.randn(300, 3, 40) * torch.tensor([1.0, 5.0, 0.2])[:, None] + 3
    x[::50, 1, 0] *= 30
    network = nn.Sequential(
        Standardize(x.mean((0, 2))[:, None], x.std((0, 2))[:, None]), nn.Conv1d(3, 4, 5, padding=2), nn.ReLU()
    )
    done = evened(network, x)
    torch.testing.assert_close(done(x), network(x), rtol=1e-4, atol=1e-4)
    reach = done[0](x).abs().transpose(0, 1).flatten(1).quantile(0.9999, dim=1)
    torch.testing.assert_close(reach, reach.mean().expand(3), rtol=1e-3, atol=0)
    assert not torch.equal(done[0].std, network[0].std)


def test_a_network_that_standardizes_nothing_is_copied():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    done = evened(network, torch.randn(10, 4))
    assert done is not network
    assert torch.equal(done[1].weight, network[1].weight)
