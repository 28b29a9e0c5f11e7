"""A second problem with a heavier-tailed prior: linear regression under the horseshoe, by NUTS and by the library.

y = x w + noise of known variance, w_i = s z_i w'_i, s half-Cauchy of scale 0.3, z_i half-Cauchy of scale 1, w'_i
standard normal. Given the scales everything is Gaussian, so that the chain runs over log s and log z_i alone and the
weights are drawn exactly (Rao-Blackwell), which keeps it short.
"""

import math

import pyro
import torch
from pyro.infer import MCMC, NUTS
from torch import nn

from tinybayes.bayes import Blocks, Horseshoe, kl, sparsify
from tinybayes.bayes.layers import Variational

TRUTH = (1.5, -1.0, 0.0)
FEATURES, SAMPLES, HELD_OUT = len(TRUTH), 80, 400
NOISE_VARIANCE, GLOBAL_SCALE = 0.5, 0.3
DRAWS = 400
Observed = tuple[torch.Tensor, torch.Tensor]


def data() -> tuple[Observed, Observed]:
    """Features (samples, 3) and targets (samples) to learn from, and others that are held out."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SAMPLES + HELD_OUT, FEATURES, generator=generator)
    y = x @ torch.tensor(TRUTH) + math.sqrt(NOISE_VARIANCE) * torch.randn(len(x), generator=generator)
    return (x[:SAMPLES], y[:SAMPLES]), (x[SAMPLES:], y[SAMPLES:])


(_X, _Y), _ = data()
PRECISION, PROJECTION = _X.T @ _X / NOISE_VARIANCE, _X.T @ _Y / NOISE_VARIANCE


def weights_given(log_scales: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scales s z_i, and the Gaussian posterior of the w'_i given them: mean, and Cholesky factor of the precision."""
    scale = torch.exp(log_scales[0] + log_scales[1:])
    precision = torch.eye(FEATURES) + scale[:, None] * PRECISION * scale
    factor = torch.linalg.cholesky(precision)
    mean = torch.cholesky_solve((scale * PROJECTION)[:, None], factor)[:, 0]
    return scale, mean, factor


def log_density(log_scales: torch.Tensor) -> torch.Tensor:
    """log p(y, log s, log z_1, ...) at ``log_scales``, up to a constant, with the weights integrated out."""
    scale, mean, factor = weights_given(log_scales)
    evidence = 0.5 * (mean * scale * PROJECTION).sum() - torch.log(torch.diagonal(factor)).sum()
    # The half-Cauchy's density of e^u, times e^u for the logarithm
    u = log_scales - torch.tensor([math.log(GLOBAL_SCALE), *[0.0] * FEATURES])
    return evidence + (u - torch.log1p(torch.exp(2 * u))).sum()


def chain_draws() -> tuple[torch.Tensor, float]:
    """Draws of the weights, (400, 3), and the largest R-hat of the log scales."""
    pyro.set_rng_seed(1)
    sampler = MCMC(
        NUTS(potential_fn=lambda at: -log_density(at["log_scales"]), max_tree_depth=4),
        num_samples=DRAWS,
        warmup_steps=100,
        initial_params={"log_scales": torch.zeros(1 + FEATURES)},
        disable_progbar=True,
    )
    sampler.run()
    generator = torch.Generator().manual_seed(2)
    draws = []
    for log_scales in sampler.get_samples()["log_scales"]:
        scale, mean, factor = weights_given(log_scales)
        noise = torch.randn(FEATURES, 1, generator=generator)
        draws.append(scale * (mean + torch.linalg.solve_triangular(factor.T, noise, upper=True)[:, 0]))
    return torch.stack(draws), float(sampler.diagnostics()["log_scales"]["r_hat"].max())


def variational_layer() -> Variational:
    """The library's horseshoe with a group for each weight, trained by stochastic gradient variational Bayes."""
    x, y = data()[0]
    torch.manual_seed(2)
    module = sparsify(nn.Linear(FEATURES, 1, bias=False), Horseshoe(Blocks(1, 1), GLOBAL_SCALE, -4.0))
    optimizer = torch.optim.Adam(module.parameters(), 0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1500)
    for _ in range(1500):
        optimizer.zero_grad()
        error = (module(x)[:, 0] - y).square().mean() / (2 * NOISE_VARIANCE)
        (error + kl(module) / SAMPLES).backward()
        optimizer.step()
        schedule.step()
    assert isinstance(module, Variational)
    return module


@torch.no_grad()
def variational_draws(layer: Variational) -> torch.Tensor:
    """Draws of the weights from the variational posterior, (400, 3): scales first, then weights given them."""
    torch.manual_seed(3)
    moments = [layer.posterior().conditional(layer.get_parameter("weight")) for _ in range(DRAWS)]
    return torch.stack([mean[0] + variance[0].sqrt() * torch.randn(FEATURES) for mean, variance in moments])


def predictive_log_likelihood(draws: torch.Tensor) -> float:
    """Mean log predictive density of the held-out targets, in nats."""
    x, y = data()[1]
    terms = torch.distributions.Normal(x @ draws.T, math.sqrt(NOISE_VARIANCE)).log_prob(y[:, None])
    return float((torch.logsumexp(terms, 1) - math.log(len(draws))).mean())
