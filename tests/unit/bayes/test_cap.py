"""The falling cap on living weights."""

import pytest
import torch
from torch import nn

from tinybayes.bayes import (
    AutomaticRelevance,
    Blocks,
    NormalJeffreys,
    cap_living,
    cubic_cap,
    score_statistics,
    scores,
    sparsify,
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


def test_a_cap_on_weights_says_that_groups_have_no_weights_to_cap():
    module = sparsify(nn.Sequential(nn.Linear(3, 2)), NormalJeffreys())
    with pytest.raises(TypeError, match=r"0\.weight: a cap wants a variance of each weight, got GroupNormalJeffreys"):
        cap_living(module, 2)
