"""The KL term against its exact value: 0.5 * (E[psi(1/2 + J)] - psi(1/2)) with J Poisson of mean 1 / (2 alpha)."""

import numpy as np
import pytest
import torch
from scipy.special import dawsn, digamma
from scipy.stats import poisson

from tinybayes.bayes.divergence import log_uniform_kl

APPROXIMATION_ERROR = 0.0095
GRADIENT_ERROR = 0.0138


def exact_kl(log_alpha: float) -> float:
    mean = 0.5 * np.exp(-log_alpha)
    width = 12 * np.sqrt(mean) + 40
    j = np.arange(max(0, int(mean - width)), int(mean + width))
    return float(0.5 * ((poisson.pmf(j, mean) * digamma(0.5 + j)).sum() - digamma(0.5)))


@pytest.mark.parametrize(
    ("log_alpha", "value"),
    [(-8, 4.635014), (-4, 2.625755), (-2, 1.544155), (0, 0.426686), (1, 0.173194), (3, 0.024688), (8, 0.000168)],
)
def test_the_oracle_itself(log_alpha, value):
    assert exact_kl(log_alpha) == pytest.approx(value, abs=2e-6)


def test_kl_is_within_the_published_error_of_the_exact_value():
    points = np.linspace(-8, 8, 65)
    ours = log_uniform_kl(torch.tensor(points)).numpy()
    assert np.abs(ours - [exact_kl(a) for a in points]).max() < APPROXIMATION_ERROR


def test_gradient_is_within_the_published_error_of_the_exact_one():
    points = torch.linspace(-10, 10, 81, dtype=torch.float64, requires_grad=True)
    log_uniform_kl(points).sum().backward()
    root = np.sqrt(0.5 * np.exp(-points.detach().numpy()))
    assert np.abs(points.grad.numpy() - -root * dawsn(root)).max() < GRADIENT_ERROR


def test_kl_equals_equation_14_less_its_constant():
    log_alpha = torch.linspace(-8, 8, 33, dtype=torch.float64)
    k1, k2, k3 = 0.63576, 1.87320, 1.48695
    equation = -(k1 * torch.sigmoid(k2 + k3 * log_alpha) - 0.5 * torch.log1p(torch.exp(-log_alpha)) - k1)
    torch.testing.assert_close(log_uniform_kl(log_alpha), equation, rtol=0, atol=1e-12)


def test_kl_neither_overflows_nor_turns_negative_far_out():
    values = log_uniform_kl(torch.tensor([-500.0, -90.0, 90.0, 500.0]))
    assert torch.isfinite(values).all()
    assert (values >= 0).all()
    assert values[0] == pytest.approx(250.6, abs=0.1)
