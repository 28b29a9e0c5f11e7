"""The falling cap on living weights."""

import pytest
import torch
from torch import nn

from tinybayes.bayes import (
    AutomaticRelevance,
    Blocks,
    GaussianDropout,
    Horseshoe,
    NormalJeffreys,
    by_input,
    by_output,
    cap_living,
    cubic_cap,
    extract,
    score_statistics,
    scores,
    sparsify,
    variational_weights,
)


def variational(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return sparsify(nn.Sequential(nn.Linear(20, 10), nn.ReLU(), nn.Linear(10, 4)))


def living(module: nn.Module) -> int:
    return sum(layer.nonzero for layer in score_statistics(module).values())


def test_the_cap_falls_from_all_to_the_target():
    caps = [cubic_cap(epoch, 10, 50, 1000, 100) for epoch in (0, 10, 30, 50, 80)]
    assert caps == [1000, 1000, round(100 + 900 / 8), 100, 100]
    assert [cubic_cap(epoch, 5, 5, 9, 3) for epoch in (4, 5)] == [9, 3]


def test_only_the_best_known_weights_stay_over_all_layers():
    module = variational()
    before = torch.cat([value.flatten() for value in scores(module).values()]).detach()
    weights = torch.cat([module[0].weight.flatten(), module[2].weight.flatten()]).detach().clone()
    cap_living(module, 50)
    after = torch.cat([module[0].weight.flatten(), module[2].weight.flatten()]).detach()
    assert living(module) == 50
    kept = before <= before.sort().values[49]
    assert torch.equal(after, torch.where(kept, weights, 0.0))


def test_weights_at_the_threshold_go_whatever_the_cap():
    module = variational()
    with torch.no_grad():
        module[0].posterior().log_sigma2.fill_(20.0)
    cap_living(module, 10_000)
    assert (module[0].weight == 0).all()
    assert (module[2].weight != 0).any()


def test_a_weight_that_was_put_out_can_grow_back():
    module = variational()
    cap_living(module, 0)
    assert living(module) == 0
    with torch.no_grad():
        module[2].weight[0, 0] = 0.01
    assert living(module) == 1


def test_blocks_go_as_a_whole_and_no_more_stay_than_the_cap_says():
    torch.manual_seed(0)
    module = sparsify(nn.Sequential(nn.Linear(16, 6)), AutomaticRelevance(groups=Blocks(1, 4)))
    cap_living(module, 42)
    alive = (module[0].weight != 0).reshape(6, 4, 4)
    assert torch.equal(alive.all(2), alive.any(2))
    assert living(module) == int(alive.sum()) == 40


GROUP_PRIORS = {
    "normal-Jeffreys, inputs": NormalJeffreys(by_input),
    "normal-Jeffreys, blocks": NormalJeffreys(Blocks(1, 4)),
    "horseshoe, outputs": Horseshoe(by_output),
    "horseshoe, blocks": Horseshoe(Blocks(4, 1), global_scale=1e-3),
}


@pytest.mark.parametrize("prior", GROUP_PRIORS.values(), ids=GROUP_PRIORS)
def test_groups_with_scales_go_as_a_whole_by_the_score_of_their_scale(prior):
    torch.manual_seed(0)
    module = sparsify(nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4)), prior)
    with torch.no_grad():
        for _, _, posterior in variational_weights(module):
            # Scores between -9 and -1 in both cases, and an order that is not that of the weights.
            posterior.scale_mean.add_(0.4 * torch.rand_like(posterior.scale_mean))
            posterior.scale_log_sigma2.add_(torch.rand_like(posterior.scale_log_sigma2))
    before = {name: value.detach().clone() for name, value in scores(module).items()}
    weights = torch.cat([value.flatten() for value in before.values()])
    assert int((weights < prior.threshold).sum()) == 160
    cap_living(module, 70)
    found = extract(module)
    alive = {name: value.mask.bool() for name, value in found.items()}
    assert 40 <= sum(int(mask.sum()) for mask in alive.values()) <= 70
    kept = torch.cat([before[name][alive[name]] for name in before])
    assert kept.max() < torch.cat([before[name][~alive[name]] for name in before]).min()
    for name, weight, posterior in variational_weights(module):
        for group in posterior.group.unique():
            assert len(alive[name][posterior.group == group].unique()) == 1
        assert (found[name].mean[~alive[name]].abs() <= 1.1e-3 * weight[~alive[name]].abs()).all()
        assert (found[name].variance[~alive[name]] < 1e-4).all()
        assert torch.equal(scores(module)[name][alive[name]], before[name][alive[name]])
    assert sum(layer.nonzero for layer in score_statistics(module).values()) == int(kept.numel())


@pytest.mark.parametrize("prior", [NormalJeffreys(by_input), Horseshoe(by_input)])
def test_a_group_that_was_put_out_can_grow_back(prior):
    torch.manual_seed(0)
    module = sparsify(nn.Sequential(nn.Linear(3, 1)), prior)
    cap_living(module, 0)
    assert living(module) == 0
    x = torch.randn(64, 3)
    optimizer = torch.optim.Adam(module.parameters(), 0.1)
    for _ in range(300):
        optimizer.zero_grad()
        (module(x)[:, 0] - 3 * x[:, 1]).square().mean().mul(50).backward()
        optimizer.step()
    assert extract(module)["0.weight"].mask[0, 1] == 1


@pytest.mark.parametrize("learned", [False, True])
def test_dropout_has_no_weights_to_put_out(learned):
    module = sparsify(nn.Sequential(nn.Linear(3, 2)), GaussianDropout(0.2, learned=learned))
    with pytest.raises(TypeError, match=r"MultiplicativeGaussian cannot be put out, .*; to cap them, sparsify"):
        cap_living(module, 2)


def test_a_network_without_posteriors_has_nothing_to_cap():
    plain = nn.Linear(3, 2)
    cap_living(plain, 0)
    assert (plain.weight != 0).all()
