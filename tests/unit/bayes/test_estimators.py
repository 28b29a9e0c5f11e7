"""Stochastic gradient variational Bayes: both estimators, their gradients, and the bound where it is exact."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from tinybayes.bayes import LogUniform, StandardNormal, extract, kl, sparsify

NOISE_VARIANCE = 0.25


def expected_square_error(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """E (y - w x)^2 under a factorised posterior, in closed form."""
    found = extract(module)["weight"]
    return float(((y - x @ found.mean.T) ** 2 + (x * x) @ found.variance.T).mean())


@pytest.mark.parametrize("local", [True, False], ids=["local", "direct"])
def test_both_estimators_are_unbiased_for_value_and_gradient(local):
    torch.manual_seed(1)
    module = sparsify(nn.Linear(3, 1, bias=False), LogUniform(-1.0), local=local)
    x, y = torch.randn(64, 3), torch.randn(64, 1)
    mean, log_sigma2 = module.weight, module.posterior().log_sigma2
    exact = ((y - x @ mean.T) ** 2 + (x * x) @ log_sigma2.exp().T).mean()
    wanted = torch.autograd.grad(exact, (mean, log_sigma2))
    values, gradients = [], []
    for _ in range(4000):
        loss = (y - module(x)).square().mean()
        values.append(loss.item())
        gradients.append(torch.cat(torch.autograd.grad(loss, (mean, log_sigma2))))
    got = torch.stack(gradients)
    error = 5 * got.std(0) / math.sqrt(len(got))
    assert ((got.mean(0) - torch.cat(wanted)).abs() < error).all()
    assert np.mean(values) == pytest.approx(exact.item(), abs=5 * float(np.std(values)) / math.sqrt(len(values)))


def test_the_local_estimator_has_the_smaller_variance():
    torch.manual_seed(2)
    plain, x, y = nn.Linear(20, 1, bias=False), torch.randn(100, 20), torch.randn(100, 1)
    spread = {}
    for local in (True, False):
        module = sparsify(plain, LogUniform(-1.0), local=local)
        draws = [torch.autograd.grad((y - module(x)).square().mean(), module.weight)[0] for _ in range(400)]
        spread[local] = torch.stack(draws).var(0).mean().item()
    assert spread[True] < 0.2 * spread[False]


def test_the_bound_reaches_the_evidence_of_a_conjugate_model():
    """Linear regression with orthogonal inputs, prior N(0, 1) and known noise: the posterior factorises.

    The exact posterior has precision 1 + sum x^2 / s and mean (sum x y / s) / precision for each weight, and there the
    evidence lower bound is the evidence itself, log N(y; 0, s I + X X^T).
    """
    torch.manual_seed(3)
    x = torch.linalg.qr(torch.randn(40, 3))[0] * 4
    y = x @ torch.tensor([[1.0], [-0.5], [0.2]]) + math.sqrt(NOISE_VARIANCE) * torch.randn(40, 1)
    module = sparsify(nn.Linear(3, 1, bias=False), StandardNormal())
    precision = 1 + (x * x).sum(0) / NOISE_VARIANCE
    with torch.no_grad():
        module.weight.copy_((x * y).sum(0)[None] / NOISE_VARIANCE / precision)
        module.posterior().log_sigma2.copy_(-precision.log()[None])

    def bound() -> float:
        likelihood = -0.5 * expected_square_error(module, x, y) / NOISE_VARIANCE
        return len(x) * (likelihood - 0.5 * math.log(2 * math.pi * NOISE_VARIANCE)) - kl(module).item()

    covariance = NOISE_VARIANCE * torch.eye(40) + x @ x.T
    evidence = torch.distributions.MultivariateNormal(torch.zeros(40), covariance).log_prob(y[:, 0]).item()
    best = bound()
    assert best == pytest.approx(evidence, abs=1e-3)
    for change in (0.1, -0.1):
        with torch.no_grad():
            module.posterior().log_sigma2.add_(change)
        assert bound() < best - 1e-3
        with torch.no_grad():
            module.posterior().log_sigma2.sub_(change)


def test_training_by_samples_finds_the_conjugate_posterior():
    torch.manual_seed(4)
    x = torch.linalg.qr(torch.randn(40, 2))[0] * 4
    y = x @ torch.tensor([[1.0], [-0.5]]) + math.sqrt(NOISE_VARIANCE) * torch.randn(40, 1)
    module = sparsify(nn.Linear(2, 1, bias=False), StandardNormal(-6.0))
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2000)
    for _ in range(2000):
        optimizer.zero_grad()
        ((module(x) - y).square().mean() / (2 * NOISE_VARIANCE) + kl(module) / len(x)).backward()
        optimizer.step()
        schedule.step()
    precision = 1 + (x * x).sum(0) / NOISE_VARIANCE
    found = extract(module)["weight"]
    torch.testing.assert_close(found.mean[0], (x * y).sum(0) / NOISE_VARIANCE / precision, atol=0.02, rtol=0)
    torch.testing.assert_close(found.variance[0] * precision, torch.ones(2), atol=0.15, rtol=0)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_recurrent_layers_take_the_plain_ones_keywords(kind):
    torch.manual_seed(6)
    plain = kind(2, 3)
    state = torch.randn(1, 4, 3) if kind is nn.GRU else (torch.randn(1, 4, 3), torch.randn(1, 4, 3))
    series = torch.randn(5, 4, 2)
    variational = sparsify(plain).eval()
    assert torch.equal(variational(series, hx=state)[0], plain(series, state)[0])
    assert torch.equal(variational(input=series)[0], plain(series)[0])


def test_recurrent_weights_are_drawn_once_a_pass_and_used_at_every_step():
    torch.manual_seed(5)
    module = sparsify(nn.GRU(2, 3, batch_first=True), LogUniform(-3.0))
    x = torch.zeros(1, 1, 2)
    same = x.repeat(4, 6, 1)
    outputs, _ = module(same)
    assert torch.equal(outputs[0], outputs[3])  # one draw for the whole batch
    assert not torch.equal(outputs, module(same)[0])
    assert torch.equal(module.eval()(same)[0], module(same)[0])
    with module.train().drawn():
        drawn = [weight.clone() for weight in module._flat_weights]
        want = nn.GRU.forward(module, same)[0]
    plain = nn.GRU(2, 3, batch_first=True)
    with torch.no_grad():
        for weight, value in zip(plain._flat_weights, drawn, strict=True):
            weight.copy_(value)
    torch.testing.assert_close(plain(same)[0], want)
    (want.square().sum() + kl(module)).backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())
