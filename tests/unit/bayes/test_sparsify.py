"""Swapping layers for variational ones and back."""

import math

import pytest
import torch
from torch import nn

from tinybayes.bayes import (
    LogUniform,
    constant_then_linear,
    cosine,
    kl,
    posterior_mean,
    score_statistics,
    scores,
    sparsify,
    warm_up,
)
from tinybayes.bayes.divergence import log_uniform_kl
from tinybayes.bayes.layers import VariationalConv1d, VariationalConv2d, VariationalLinear


def network() -> nn.Sequential:
    inner = nn.Sequential(nn.Conv1d(2, 4, 3, padding=1, bias=False), nn.BatchNorm1d(4), nn.ReLU())
    return nn.Sequential(inner, nn.Flatten(), nn.Linear(20, 3))


def test_sparsify_swaps_every_weighted_layer_and_keeps_its_values_and_options():
    plain = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(8, 3), nn.ReLU())
    variational = sparsify(plain, LogUniform(initial_log_sigma2=-6.0))
    assert [type(layer) for layer in variational] == [VariationalConv2d, nn.Flatten, VariationalLinear, nn.ReLU]
    assert [type(layer) for layer in plain] == [nn.Conv2d, nn.Flatten, nn.Linear, nn.ReLU]
    x = torch.randn(2, 1, 4, 4)
    assert torch.equal(variational.eval()(x), plain(x))
    assert (variational[0].posterior().log_sigma2 == -6.0).all()
    assert variational[0].weight is not plain[0].weight


def test_frozen_weights_stay_as_they_are():
    plain = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.GRU(2, 2))
    plain[0].weight.requires_grad_(False)
    plain[3].weight_hh_l0.requires_grad_(False)
    module = sparsify(plain)
    assert [type(layer) for layer in module][:3] == [nn.Linear, nn.ReLU, VariationalLinear]
    assert list(scores(module)) == ["2.weight", "3.weight_ih_l0"]
    (module(torch.randn(5, 4))[0].square().sum() + kl(module)).backward()
    assert module[0].weight.grad is None and module[3].weight_hh_l0.grad is None
    assert torch.equal(module[0].weight, plain[0].weight)
    assert [type(layer) for layer in posterior_mean(module)] == [type(layer) for layer in plain]
    frozen = sparsify(plain.requires_grad_(False))
    assert all(not p.requires_grad for p in frozen.parameters())
    assert kl(frozen).item() == 0.0


def test_nested_networks_go_there_and_back():
    plain = network()
    back = posterior_mean(sparsify(plain))
    assert type(sparsify(plain)[0][0]) is VariationalConv1d
    assert type(back[0][0]) is nn.Conv1d
    assert {k: v.tolist() for k, v in back.state_dict().items()} == {
        k: v.tolist() for k, v in plain.state_dict().items()
    }


def test_kl_is_the_sum_over_all_weights_and_has_gradient():
    module = sparsify(network())
    values = scores(module)
    assert list(values) == ["0.0.weight", "2.weight"]
    total = kl(module)
    assert total.item() == pytest.approx(sum(log_uniform_kl(v).sum().item() for v in values.values()), rel=1e-6)
    total.backward()
    # More noise is nearer to the prior, whichever the weight.
    assert (module[2].posterior().log_sigma2.grad <= 0).all()
    assert kl(nn.ReLU()).item() == 0.0


def test_statistics_count_the_living_and_name_the_quartiles():
    layer = nn.Linear(4, 1)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    module = sparsify(nn.Sequential(layer))
    with torch.no_grad():
        module[0].posterior().log_sigma2.copy_(torch.tensor([[-4.0, -2.0, 3.0, 5.0]]))
    statistics = score_statistics(module)["0.weight"]
    assert (statistics.weights, statistics.nonzero) == (4, 2)
    assert statistics.quartiles == pytest.approx((-2.5, 0.5, 3.5))


def test_schedules():
    assert [warm_up(epoch, 5, 15) for epoch in (0, 5, 12.5, 20, 99)] == [0, 0, 0.5, 1, 1]
    assert [warm_up(epoch, 2, 0) for epoch in (1, 2)] == [0, 1]
    assert [cosine(epoch, 10) for epoch in (0, 5, 10)] == pytest.approx([1, 0.5, 0], abs=1e-12)
    assert [constant_then_linear(epoch, 10) for epoch in (0, 5, 7.5, 10)] == [1, 1, 0.5, 0]
    assert math.isclose(cosine(11, 10), 0, abs_tol=1e-12)
