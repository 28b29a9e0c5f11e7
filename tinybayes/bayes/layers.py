"""Linear and convolutional layers with a Gaussian posterior over every weight: sparse variational dropout.

The posterior of a weight is N(theta, sigma^2), in the additive parametrisation of Molchanov et al. (ICML 2017):
``weight`` holds theta and ``log_sigma2`` the logarithm of the variance. In training mode the layers sample
pre-activations instead of weights (local reparametrisation, Kingma et al. 2015); in evaluation mode they use the
posterior mean.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

THRESHOLD = 3.0
CLIP = 8.0
INITIAL_LOG_SIGMA2 = -10.0
_EPSILON = 1e-8


def log_alpha(weight: Tensor, log_sigma2: Tensor) -> Tensor:
    """log(sigma^2 / theta^2), clipped to [-8, 8]; the small constant keeps weights of exactly 0 finite."""
    return (log_sigma2 - torch.log(weight * weight + _EPSILON)).clamp(-CLIP, CLIP)


def _perturbed(mean: Tensor, variance: Tensor) -> Tensor:
    # The constant keeps the gradient of the square root finite where every input is zero.
    return mean + torch.sqrt(variance + _EPSILON) * torch.randn_like(mean)


class LinearVD(nn.Linear):
    """nn.Linear with a variational weight matrix; the bias is a plain parameter."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - whatever the plain layer takes
        super().__init__(*args, **options)
        self.log_sigma2 = nn.Parameter(torch.full_like(self.weight, INITIAL_LOG_SIGMA2))

    def forward(self, input: Tensor) -> Tensor:
        """(batch, in_features) to (batch, out_features)."""
        mean = F.linear(input, self.weight, self.bias)
        if not self.training:
            return mean
        return _perturbed(mean, F.linear(input * input, self.log_sigma2.exp()))


class _ConvVD(nn.modules.conv._ConvNd):
    """What the two convolutions share; every output position draws its own noise."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - whatever the plain layer takes
        super().__init__(*args, **options)
        self.log_sigma2 = nn.Parameter(torch.full_like(self.weight, INITIAL_LOG_SIGMA2))

    def forward(self, input: Tensor) -> Tensor:
        """(batch, in_channels, *space) to (batch, out_channels, *space)."""
        mean = self._conv_forward(input, self.weight, self.bias)
        if not self.training:
            return mean
        variance = self._conv_forward(input * input, self.log_sigma2.exp(), None)
        return _perturbed(mean, variance)


class Conv1dVD(_ConvVD, nn.Conv1d):
    """nn.Conv1d with a variational kernel."""


class Conv2dVD(_ConvVD, nn.Conv2d):
    """nn.Conv2d with a variational kernel."""


VARIATIONAL: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: LinearVD,
    nn.Conv1d: Conv1dVD,
    nn.Conv2d: Conv2dVD,
}
