"""A problem whose posterior is not Gaussian, solved twice: by Pyro's NUTS, and by a factorised variational posterior.

Logistic regression with three features and standard normal weights, of which one is zero in truth.
"""

import math

import pyro
import torch
from pyro.distributions import Bernoulli, Normal
from pyro.infer import MCMC, NUTS
from torch import nn

from tinybayes.bayes import StandardNormal, extract, kl, sparsify

TRUTH = (1.5, -1.0, 0.0)
SAMPLES, HELD_OUT = 120, 400
DRAWS = 500
Labelled = tuple[torch.Tensor, torch.Tensor]


def data() -> tuple[Labelled, Labelled]:
    """Features (samples, 3) and labels (samples) to learn from, and others that are held out."""
    torch.manual_seed(0)
    x = torch.randn(SAMPLES + HELD_OUT, len(TRUTH))
    y = (torch.rand(len(x)) < torch.sigmoid(x @ torch.tensor(TRUTH))).float()
    return (x[:SAMPLES], y[:SAMPLES]), (x[SAMPLES:], y[SAMPLES:])


def chain_draws() -> tuple[torch.Tensor, float]:
    """Draws of the weights by the chain, (500, 3), and the largest R-hat."""
    x, y = data()[0]

    def model() -> None:
        weight = pyro.sample("weight", Normal(torch.zeros(len(TRUTH)), 1.0).to_event(1))
        with pyro.plate("samples", SAMPLES):
            pyro.sample("y", Bernoulli(logits=x @ weight), obs=y)

    pyro.set_rng_seed(1)
    sampler = MCMC(NUTS(model), num_samples=DRAWS, warmup_steps=150, disable_progbar=True)
    sampler.run()
    return sampler.get_samples()["weight"], float(sampler.diagnostics()["weight"]["r_hat"].max())


def variational_posterior() -> tuple[torch.Tensor, torch.Tensor]:
    """Means and deviations of the weights, (3) each, by stochastic gradient variational Bayes."""
    x, y = data()[0]
    torch.manual_seed(2)
    module = sparsify(nn.Linear(len(TRUTH), 1, bias=False), StandardNormal(-4.0))
    optimizer = torch.optim.Adam(module.parameters(), 0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2000)
    for _ in range(2000):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(module(x)[:, 0], y)
        (loss + kl(module) / SAMPLES).backward()
        optimizer.step()
        schedule.step()
    found = extract(module)["weight"]
    return found.mean[0].detach(), found.variance[0].sqrt().detach()


def variational_draws() -> torch.Tensor:
    """Draws of the weights from the variational posterior, (500, 3)."""
    mean, deviation = variational_posterior()
    torch.manual_seed(3)
    return mean + deviation * torch.randn(DRAWS, len(TRUTH))


def predictive_log_likelihood(draws: torch.Tensor) -> float:
    """Mean log predictive density of the held-out labels, in nats."""
    x, y = data()[1]
    terms = Bernoulli(logits=x @ draws.T).log_prob(y[:, None])
    return float((torch.logsumexp(terms, 1) - math.log(len(draws))).mean())


def predicted(draws: torch.Tensor) -> torch.Tensor:
    """Probability of the label 1 of the held-out samples, (samples)."""
    return torch.sigmoid(data()[1][0] @ draws.T).mean(1)
