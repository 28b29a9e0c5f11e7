"""Variational posteriors beside a Markov chain's: Pyro's NUTS on a problem whose posterior is not Gaussian."""

import pytest
import torch

from tests.unit.bayes import markov_chain


@pytest.fixture(scope="module")
def chain() -> torch.Tensor:
    draws, r_hat = markov_chain.chain_draws()
    assert r_hat < 1.03
    return draws


def test_means_and_deviations_are_those_of_the_chain(chain: torch.Tensor) -> None:
    means, deviations = markov_chain.variational_posterior()
    deviation = chain.std(0)
    # A factorised posterior has the right means and, by its nature, somewhat small deviations.
    assert ((means - chain.mean(0)).abs() < 0.25 * deviation).all()
    ratio = deviations / deviation
    assert (ratio > 0.75).all() and (ratio < 1.1).all()


def test_predictive_likelihood_is_that_of_the_chain(chain: torch.Tensor) -> None:
    score = markov_chain.predictive_log_likelihood
    assert score(markov_chain.variational_draws()) == pytest.approx(score(chain), abs=0.005)
