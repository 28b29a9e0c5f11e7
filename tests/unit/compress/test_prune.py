"""Masks from the posterior, and networks whose pruned weights stay exactly zero."""

import torch
from torch import nn

from tinybayes.bayes import sparsify
from tinybayes.compress import MaskedNetwork, posterior_masks, prune, weight_counts


def variational() -> nn.Module:
    torch.manual_seed(0)
    module = sparsify(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)))
    with torch.no_grad():
        module[0].weight.fill_(1.0)
        module[0].posterior().log_sigma2.copy_(torch.tensor([[2.99, 3.0, -8.0], [3.01, 9.0, 0.0]]))
    return module


def test_a_weight_is_pruned_from_the_threshold_on():
    masks = posterior_masks(variational())
    assert list(masks) == ["0.weight", "2.weight"]
    assert masks["0.weight"].tolist() == [[1, 0, 1], [0, 0, 1]]
    assert posterior_masks(variational(), threshold=1.0)["0.weight"].tolist() == [[0, 0, 1], [0, 0, 1]]


def test_pruned_network_is_the_masked_posterior_mean():
    module = variational()
    pruned = prune(module)
    plain = pruned.plain()
    x = torch.randn(5, 3)
    assert torch.equal(pruned(x), plain(x))
    assert plain[0].weight.tolist() == [[1, 0, 1], [0, 0, 1]]
    assert torch.equal(plain[2].weight, module[2].weight)
    assert weight_counts(plain) == (5, 8)


def test_pruned_weights_stay_zero_while_the_rest_trains():
    pruned = prune(variational())
    before = pruned.plain()[0].weight.clone()
    optimizer = torch.optim.AdamW(pruned.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        pruned(torch.randn(8, 3)).square().sum().backward()
        optimizer.step()
    after = pruned.plain()[0].weight
    assert (after == 0).tolist() == (before == 0).tolist()
    assert (after != before).any()


def test_masks_travel_in_the_state_dict():
    masked = prune(variational())
    other = MaskedNetwork(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)),
                          {name: torch.ones_like(mask) for name, mask in masked.masks.items()})  # fmt: skip
    other.load_state_dict(masked.state_dict())
    assert torch.equal(other(torch.ones(1, 3)), masked(torch.ones(1, 3)))


def test_a_layer_without_weight_left_still_runs():
    module = variational()
    with torch.no_grad():
        module[0].posterior().log_sigma2.fill_(20.0)
    plain = prune(module).plain()
    assert weight_counts(plain)[0] == 2
    assert torch.isfinite(plain(torch.randn(2, 3))).all()
