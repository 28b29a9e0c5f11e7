"""Variational posteriors beside a Markov chain's: Pyro's NUTS on a problem whose posterior is not Gaussian."""

import math

import pyro
import pytest
import torch
from pyro.distributions import Bernoulli, Normal
from pyro.infer import MCMC, NUTS
from torch import nn

from tinybayes.bayes import StandardNormal, extract, kl, sparsify

FEATURES, SAMPLES, HELD_OUT = 3, 120, 400


def data() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(SAMPLES + HELD_OUT, FEATURES)
    truth = torch.tensor([1.5, -1.0, 0.0])
    return x, (torch.rand(len(x)) < torch.sigmoid(x @ truth)).float()


@pytest.fixture(scope="module")
def chain() -> torch.Tensor:
    """Draws of the weights, (500, features)."""
    x, y = data()

    def model() -> None:
        weight = pyro.sample("weight", Normal(torch.zeros(FEATURES), 1.0).to_event(1))
        with pyro.plate("samples", SAMPLES):
            pyro.sample("y", Bernoulli(logits=x[:SAMPLES] @ weight), obs=y[:SAMPLES])

    pyro.set_rng_seed(1)
    sampler = MCMC(NUTS(model), num_samples=500, warmup_steps=150, disable_progbar=True)
    sampler.run()
    assert sampler.diagnostics()["weight"]["r_hat"].max() < 1.03
    return sampler.get_samples()["weight"]


@pytest.fixture(scope="module")
def variational() -> nn.Module:
    x, y = data()
    torch.manual_seed(2)
    module = sparsify(nn.Linear(FEATURES, 1, bias=False), StandardNormal(-4.0))
    optimizer = torch.optim.Adam(module.parameters(), 0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2000)
    for _ in range(2000):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(module(x[:SAMPLES])[:, 0], y[:SAMPLES])
        (loss + kl(module) / SAMPLES).backward()
        optimizer.step()
        schedule.step()
    return module


def test_means_and_deviations_are_those_of_the_chain(chain: torch.Tensor, variational: nn.Module) -> None:
    found = extract(variational)["weight"]
    deviation = chain.std(0)
    # A factorised posterior has the right means and, by its nature, somewhat small deviations.
    assert ((found.mean[0] - chain.mean(0)).abs() < 0.25 * deviation).all()
    ratio = found.variance[0].sqrt() / deviation
    assert (ratio > 0.75).all() and (ratio < 1.1).all()


def test_predictive_likelihood_is_that_of_the_chain(chain: torch.Tensor, variational: nn.Module) -> None:
    x, y = (part[SAMPLES:] for part in data())
    found = extract(variational)["weight"]
    torch.manual_seed(3)
    draws = found.mean + found.variance.sqrt() * torch.randn(500, FEATURES)

    def score(weights: torch.Tensor) -> float:
        terms = Bernoulli(logits=x @ weights.T).log_prob(y[:, None])
        return (torch.logsumexp(terms, 1) - math.log(len(weights))).mean().item()

    assert score(draws) == pytest.approx(score(chain), abs=0.005)
