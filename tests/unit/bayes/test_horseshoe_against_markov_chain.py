"""The horseshoe's variational posterior beside a Markov chain's: where it is right, and where it is too wide."""

import math

import pytest
import torch

from tests.unit.bayes import horseshoe_chain
from tinybayes.bayes import extract
from tinybayes.bayes.layers import Variational


@pytest.fixture(scope="module")
def chain() -> torch.Tensor:
    draws, r_hat = horseshoe_chain.chain_draws()
    assert r_hat < 1.05
    return draws


@pytest.fixture(scope="module")
def layer() -> Variational:
    return horseshoe_chain.variational_layer()


def test_the_chain_runs_on_the_density_of_the_model() -> None:
    """Differences of the log density, the weights integrated out, against the Gaussian of the targets itself."""

    def outright(log_scales: torch.Tensor) -> torch.Tensor:
        x, y = (part.double() for part in horseshoe_chain.data()[0])
        scaled = x * torch.exp(log_scales[0] + log_scales[1:]).double()
        covariance = horseshoe_chain.NOISE_VARIANCE * torch.eye(len(x), dtype=torch.float64) + scaled @ scaled.T
        evidence = torch.distributions.MultivariateNormal(torch.zeros_like(y), covariance).log_prob(y)
        prior = torch.distributions.HalfCauchy(torch.tensor([horseshoe_chain.GLOBAL_SCALE, 1.0, 1.0, 1.0]))
        return evidence + (prior.log_prob(log_scales.exp()) + log_scales).sum()

    first, second = torch.tensor([-1.0, 0.5, 0.2, -2.0]), torch.tensor([0.3, 0.1, -0.4, 1.0])
    difference = horseshoe_chain.log_density(first) - horseshoe_chain.log_density(second)
    assert difference.item() == pytest.approx((outright(first) - outright(second)).item(), abs=1e-2)


def test_means_are_the_chains_and_no_deviation_is_too_small(chain: torch.Tensor, layer: Variational) -> None:
    found = extract(layer)["weight"]
    deviation = chain.std(0)
    assert ((found.mean[0] - chain.mean(0)).abs() < 0.5 * deviation).all()
    ratio = found.variance[0].sqrt() / deviation
    # The scales of layer and group and the weight are independent in the posterior, and each has the spread that the
    # data would allow it alone, so that the product of a weight that lives spreads about twice as far as it should.
    assert (ratio > 0.8).all() and (ratio < 2.6).all()
    assert ratio[2] < 1.3, "the weight that is nothing is as narrow as the chain's"


def test_predictive_likelihood_is_that_of_the_chain(chain: torch.Tensor, layer: Variational) -> None:
    score = horseshoe_chain.predictive_log_likelihood
    ours, theirs = score(horseshoe_chain.variational_draws(layer)), score(chain)
    assert ours == pytest.approx(theirs, abs=0.015)
    best = -0.5 * math.log(2 * math.pi * math.e * horseshoe_chain.NOISE_VARIANCE)
    assert theirs < best + 0.1, "no more is known than the noise lets"
