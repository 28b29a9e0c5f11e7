"""Weight decay pulls at weights alone, whatever the prior and the names of what its posterior learns."""

import pytest
import torch
from torch import nn

from tests.unit.bayes.test_posteriors import PRIORS
from tinybayes.bayes import Horseshoe, LogUniform, kl, parameter_groups, sparsify, variational_layers


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleList([nn.Linear(6, 4), nn.Conv1d(4, 4, 3, groups=2), nn.BatchNorm1d(4), nn.GRU(3, 4)])


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
def test_adamw_decays_weights_and_leaves_what_posteriors_learn_alone(prior):
    module = sparsify(network(), prior)
    own = {f"{name}.posteriors.{rest}" for name, layer in variational_layers(module)
           for rest, _ in layer.posteriors.named_parameters()}  # fmt: skip
    optimizer = torch.optim.AdamW(parameter_groups(module, weight_decay=0.5), lr=0.1)
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in module.named_parameters():
        kept = 1.0 if name in own else 1 - 0.1 * 0.5
        torch.testing.assert_close(parameter.detach(), kept * before[name], rtol=1e-6, atol=0, msg=name)
    assert len(own) == sum(len(group["params"]) for group in optimizer.param_groups[1:])


def test_every_trainable_parameter_is_in_one_group_and_frozen_ones_in_none():
    plain = network()
    plain[0].bias.requires_grad_(False)
    module = sparsify(plain, Horseshoe())
    weights, own = parameter_groups(module, 0.1)
    assert (weights["weight_decay"], own["weight_decay"]) == (0.1, 0.0)
    grouped = [id(p) for p in weights["params"] + own["params"]]
    assert sorted(grouped) == sorted(id(p) for p in module.parameters() if p.requires_grad)
    assert id(module[0].bias) not in grouped
    assert parameter_groups(plain)[1]["params"] == []


def test_a_networks_variances_grow_by_the_prior_alone():
    """A step of training with decay moves log variances exactly as one without."""

    def stepped(weight_decay: float) -> nn.Module:
        torch.manual_seed(1)
        module = sparsify(nn.Sequential(nn.Linear(5, 3)), LogUniform(-6.0))
        optimizer = torch.optim.AdamW(parameter_groups(module, weight_decay), lr=0.05)
        (module(torch.randn(7, 5)).square().mean() + kl(module) / 7).backward()
        optimizer.step()
        return module

    with_decay, without = stepped(0.9), stepped(0.0)
    assert torch.equal(with_decay[0].posterior().log_sigma2, without[0].posterior().log_sigma2)
    assert not torch.equal(with_decay[0].weight, without[0].weight)
