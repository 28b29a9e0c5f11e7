"""KL divergences from the posteriors to their priors, in nats; log alpha is log(sigma^2 / theta^2)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_K1, _K2, _K3 = 0.63576, 1.87320, 1.48695
_LOG_2 = math.log(2.0)


def log_uniform_kl(log_alpha: Tensor) -> Tensor:
    """KL of each weight from the log-uniform prior, same shape as ``log_alpha``.

    Molchanov, Ashukha and Vetrov (ICML 2017), eq. 14, less its constant so that it goes to 0 as alpha grows, and
    written with softplus so that no exponential overflows. It is within 0.0094 of the exact value everywhere.
    """
    return 0.5 * F.softplus(-log_alpha) + _K1 * torch.sigmoid(-(_K2 + _K3 * log_alpha))


def ard_kl(log_alpha: Tensor) -> Tensor:
    """KL of each weight from N(0, tau) with the best tau of each: log(1 + 1 / alpha) / 2, shaped as ``log_alpha``.

    Kharitonov, Molchanov and Vetrov (2018, arXiv 1811.00596): the prior's variance that maximises the bound is
    theta^2 + sigma^2, which leaves this.
    """
    return 0.5 * F.softplus(-log_alpha)


def gaussian_kl(mean: Tensor, log_sigma2: Tensor) -> Tensor:
    """KL of N(mean, exp(log_sigma2)) from N(0, 1), elementwise: (sigma^2 + mean^2 - 1 - log sigma^2) / 2."""
    return 0.5 * (log_sigma2.exp() + mean * mean - 1.0 - log_sigma2)


def log_normal_gamma_kl(mean: Tensor, log_variance: Tensor, scale: float = 1.0) -> Tensor:
    """KL of the log-normal LN(mean, exp(log_variance)) from Gamma(shape 1/2, scale ``scale**2``), elementwise.

    Louizos, Ullrich and Welling (NIPS 2017), appendix on the half-Cauchy prior:
    log k + exp(m + v/2) / k^2 - (m + log v + 1 + log 2) / 2. ``scale`` is the scale k of the half-Cauchy, so that
    k^2 multiplies the gamma variable; it is no rate.
    """
    variance = log_variance.exp()
    grown = torch.exp(mean + 0.5 * variance - 2.0 * math.log(scale))
    return math.log(scale) + grown - 0.5 * (mean + log_variance + 1.0 + _LOG_2)


def log_normal_inverse_gamma_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL of LN(mean, exp(log_variance)) from the inverse gamma of shape 1/2 and scale 1, elementwise.

    Louizos, Ullrich and Welling (NIPS 2017), appendix: exp(v/2 - m) - (-m + log v + 1 + log 2) / 2.
    """
    return torch.exp(0.5 * log_variance.exp() - mean) - 0.5 * (-mean + log_variance + 1.0 + _LOG_2)
