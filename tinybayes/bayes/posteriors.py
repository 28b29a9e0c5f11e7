"""What is known about one weight tensor: the variational posteriors that stand beside a layer's ``weight``.

A layer keeps its weight, which is the posterior's location; a :class:`Posterior` holds the rest. Names of parameters
that are log variances end in ``log_sigma2``, so that an optimizer can give them a learning rate of their own (and must
not give them weight decay, which would make the variance grow).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tinybayes.bayes.divergence import (
    ard_kl,
    gaussian_kl,
    log_normal_gamma_kl,
    log_normal_inverse_gamma_kl,
    log_uniform_kl,
)

CLIP = 8.0
_EPSILON = 1e-8
_HORSESHOE_START = 0.01  # variance of each log scale at the start; four of them, each counted by a quarter
_DIVERGENCES = {"log-uniform": log_uniform_kl, "ard": ard_kl}


class Moments(NamedTuple):
    """Mean and variance of every weight, both shaped as the weight."""

    mean: Tensor
    variance: Tensor


def log_alpha(weight: Tensor, log_sigma2: Tensor) -> Tensor:
    """log(sigma^2 / theta^2), clipped to [-8, 8]; the small constant keeps weights of exactly 0 finite."""
    return _noise_to_signal(weight, log_sigma2).clamp(-CLIP, CLIP)


def _noise_to_signal(weight: Tensor, log_sigma2: Tensor) -> Tensor:
    return log_sigma2 - torch.log(weight * weight + _EPSILON)


class Posterior(nn.Module):
    """Base of the posteriors. ``threshold`` is the score from which on a weight is pruned."""

    threshold: float

    def conditional(self, weight: Tensor) -> Moments:
        """Moments of the weights given scales drawn anew (where the posterior has scales), with gradient."""
        return self.marginal(weight)

    def marginal(self, weight: Tensor) -> Moments:
        """Moments of the weights, scales integrated out."""
        raise NotImplementedError

    def kl(self, weight: Tensor) -> Tensor:
        """KL divergence from the prior in nats, a scalar with gradient."""
        raise NotImplementedError

    def score(self, weight: Tensor) -> Tensor:
        """How little the data asks for each weight, shaped as the weight; pruned from ``threshold`` on."""
        raise NotImplementedError

    def put_out(self, weight: Tensor, out: Tensor, log_sigma2: float) -> None:
        """Leave the weights where ``out`` is True hardly any mean or variance, in place, so that they score as pruned.

        ``out`` is shaped as the weight and takes groups as a whole; ``log_sigma2`` is how little variance counts as
        hardly any. Training can bring them back. Raises TypeError for posteriors that cannot.
        """
        raise TypeError(
            f"weights of {type(self).__name__} cannot be put out, for their noise is a share of their mean; to cap "
            "them, sparsify with LogUniform, AutomaticRelevance, StandardNormal, NormalJeffreys or Horseshoe"
        )


class AdditiveGaussian(Posterior):
    """N(theta, sigma^2) for each weight, theta and log sigma^2 free (Molchanov, Ashukha and Vetrov, ICML 2017).

    ``divergence`` is ``"log-uniform"`` (sparse variational dropout), ``"ard"`` (its empirical-Bayes form) or
    ``"gaussian"`` (a standard normal prior). The score is log alpha in each case: log(sigma^2 / theta^2), the variance
    and the square summed over the group for weights that are relevant together (:class:`GroupRelevance`).
    """

    def __init__(self, weight: Tensor, divergence: str, initial_log_sigma2: float, threshold: float) -> None:
        super().__init__()
        self.divergence, self.threshold = divergence, threshold
        self.log_sigma2 = nn.Parameter(torch.full_like(weight, initial_log_sigma2))

    def marginal(self, weight: Tensor) -> Moments:
        """theta and sigma^2."""
        return Moments(weight, self.log_sigma2.exp())

    def kl(self, weight: Tensor) -> Tensor:
        """The sum over all weights."""
        if self.divergence == "gaussian":
            return gaussian_kl(weight, self.log_sigma2).sum()
        return _DIVERGENCES[self.divergence](log_alpha(weight, self.log_sigma2)).sum()

    def score(self, weight: Tensor) -> Tensor:
        """Log alpha."""
        return log_alpha(weight, self.log_sigma2)

    def put_out(self, weight: Tensor, out: Tensor, log_sigma2: float) -> None:
        """theta 0 and little sigma^2."""
        weight[out] = 0.0
        self.log_sigma2[out] = log_sigma2


class GroupRelevance(AdditiveGaussian):
    """Gaussians whose N(0, tau) priors share one tau in each group: automatic relevance determination by group.

    The divergence, sum of ((sigma^2 + theta^2) / tau - 1 + log(tau / sigma^2)) / 2, is least where tau is the group's
    mean of sigma^2 + theta^2, as in MacKay (1994) for the weights of one input; there it is the sum of
    log(tau / sigma^2) / 2. A group of one pays log(1 + 1 / alpha) / 2, which is ``"ard"``.
    """

    group: Tensor

    def __init__(self, weight: Tensor, group: Tensor, initial_log_sigma2: float, threshold: float) -> None:
        super().__init__(weight, "ard", initial_log_sigma2, threshold)
        self.register_buffer("group", group, persistent=False)
        self.register_buffer("sizes", torch.bincount(group.flatten()).to(weight.dtype), persistent=False)

    def kl(self, weight: Tensor) -> Tensor:
        """The sum over all weights, each with its group's best tau."""
        sizes = self.get_buffer("sizes")
        tau = self._sums(self.log_sigma2.exp() + weight * weight + _EPSILON) / sizes
        return 0.5 * ((sizes * tau.log()).sum() - self.log_sigma2.sum())

    def score(self, weight: Tensor) -> Tensor:
        """Log alpha of each weight's group."""
        noise, signal = self._sums(self.log_sigma2.exp()), self._sums(weight * weight + _EPSILON)
        return (noise.log() - signal.log()).clamp(-CLIP, CLIP)[self.group]

    def _sums(self, values: Tensor) -> Tensor:
        return values.new_zeros(len(self.get_buffer("sizes"))).index_add(0, self.group.flatten(), values.flatten())


class MultiplicativeGaussian(Posterior):
    """N(theta, alpha theta^2): Gaussian dropout with independent noise on every weight.

    Kingma, Salimans and Welling (NIPS 2015), section 3.1; fixed alpha = p / (1 - p) is the Gaussian dropout of
    Srivastava et al. (JMLR 2014), section 10. ``group`` says which weights share an alpha. A fixed alpha has no
    divergence to pay; a learned one pays that from the log-uniform prior.
    """

    group: Tensor
    log_alpha: Tensor

    def __init__(self, group: Tensor, initial_alpha: float, learned: bool, threshold: float) -> None:
        super().__init__()
        self.learned, self.threshold = learned, threshold
        self.register_buffer("group", group, persistent=False)
        start = torch.full((int(group.max()) + 1,), math.log(initial_alpha))
        if learned:
            self.log_alpha = nn.Parameter(start)
        else:
            self.register_buffer("log_alpha", start)

    def marginal(self, weight: Tensor) -> Moments:
        """theta and alpha theta^2."""
        return Moments(weight, self.score(weight).exp() * weight * weight)

    def kl(self, weight: Tensor) -> Tensor:
        """The sum over all weights, 0 for a fixed rate."""
        return log_uniform_kl(self.score(weight)).sum() if self.learned else weight.new_zeros(())

    def score(self, weight: Tensor) -> Tensor:
        """Log alpha of each weight's group."""
        return self.log_alpha.clamp(-CLIP, CLIP)[self.group]


class GroupNormalJeffreys(Posterior):
    """w = z w', z of each group under a log-uniform prior, w' under N(0, 1): Louizos, Ullrich and Welling, NIPS 2017.

    q(z) = N(mean, sigma^2) for each group, q(w') = N(weight, exp(log_sigma2)). A scale is drawn once for each
    forward pass and shared by the batch, which is right for any grouping. The score is log alpha of the group's scale.
    """

    group: Tensor

    def __init__(self, weight: Tensor, group: Tensor, initial_log_sigma2: float, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold
        self.register_buffer("group", group, persistent=False)
        groups = int(group.max()) + 1
        self.log_sigma2 = nn.Parameter(torch.full_like(weight, initial_log_sigma2))
        self.scale_mean = nn.Parameter(weight.new_ones(groups))
        self.scale_log_sigma2 = nn.Parameter(weight.new_full((groups,), initial_log_sigma2))

    def conditional(self, weight: Tensor) -> Moments:
        """Moments given scales drawn from q(z)."""
        noise = torch.randn_like(self.scale_mean)
        scale = (self.scale_mean + torch.exp(0.5 * self.scale_log_sigma2) * noise)[self.group]
        return Moments(weight * scale, self.log_sigma2.exp() * scale * scale)

    def marginal(self, weight: Tensor) -> Moments:
        """E = mean_z theta; V = sigma_z^2 (sigma^2 + theta^2) + sigma^2 mean_z^2."""
        mean, spread, variance = (
            self.scale_mean[self.group],
            self.scale_log_sigma2.exp()[self.group],
            self.log_sigma2.exp(),
        )
        return Moments(weight * mean, spread * (variance + weight * weight) + variance * mean * mean)

    def kl(self, weight: Tensor) -> Tensor:
        """The scales' divergence from the log-uniform prior and the weights' from N(0, 1)."""
        scales = log_uniform_kl(log_alpha(self.scale_mean, self.scale_log_sigma2)).sum()
        return scales + gaussian_kl(weight, self.log_sigma2).sum()

    def score(self, weight: Tensor) -> Tensor:
        """Log alpha of the scale of each weight's group; not clipped, so that it ranks scales that are known well."""
        del weight
        return _noise_to_signal(self.scale_mean, self.scale_log_sigma2)[self.group]

    def put_out(self, weight: Tensor, out: Tensor, log_sigma2: float) -> None:
        """Scales of mean 0 and little variance; the weights under them stay, so that their scales have gradient."""
        del weight
        groups = self.group[out].unique()
        self.scale_mean[groups] = 0.0
        self.scale_log_sigma2[groups] = log_sigma2


class GroupHorseshoe(Posterior):
    """w = s z w': a half-Cauchy scale of each group and one of the layer, Louizos, Ullrich and Welling, NIPS 2017.

    A half-Cauchy z of scale k is z^2 = a b with a ~ Gamma(1/2, scale k^2) and b ~ InverseGamma(1/2, 1); each of the
    four has a log-normal posterior, and sqrt(a b) is log-normal again, so that one draw does for both. The layer's
    scale s has k = ``global_scale``, the groups' z have k = 1. The score is the negative log mode of s z.
    """

    group: Tensor

    def __init__(
        self, weight: Tensor, group: Tensor, initial_log_sigma2: float, global_scale: float, threshold: float
    ) -> None:
        super().__init__()
        self.threshold, self.global_scale = threshold, global_scale
        self.register_buffer("group", group, persistent=False)
        groups = int(group.max()) + 1
        self.log_sigma2 = nn.Parameter(torch.full_like(weight, initial_log_sigma2))
        # Where the gradient of the divergence is zero, m = -+(1 + log 2) and v = 2, but with little noise, and with the
        # groups' b moved so that the expected scale is 1 and the network starts as it was.
        rest = 1.0 + math.log(2.0)
        reach = 2.0 * math.log(global_scale)
        self.layer_mean = nn.Parameter(weight.new_tensor([reach - rest, rest]))
        self.layer_log_sigma2 = nn.Parameter(weight.new_full((2,), math.log(_HORSESHOE_START)))
        start = weight.new_tensor([-rest, rest - reach - _HORSESHOE_START])
        self.scale_mean = nn.Parameter(start[:, None].repeat(1, groups))
        self.scale_log_sigma2 = nn.Parameter(weight.new_full((2, groups), math.log(_HORSESHOE_START)))

    def log_scale(self) -> Moments:
        """Mean and variance of log(s z) of each group."""
        mean = 0.5 * (self.layer_mean.sum() + self.scale_mean.sum(0))
        return Moments(mean, 0.25 * (self.layer_log_sigma2.exp().sum() + self.scale_log_sigma2.exp().sum(0)))

    def conditional(self, weight: Tensor) -> Moments:
        """Moments given scales drawn from their posterior: one draw for the layer, one for each group."""
        layer = 0.5 * (self.layer_mean.sum() + self.layer_log_sigma2.exp().sum().sqrt() * torch.randn(()))
        noise = torch.randn_like(self.scale_mean[0])
        own = 0.5 * (self.scale_mean.sum(0) + self.scale_log_sigma2.exp().sum(0).sqrt() * noise)
        scale = torch.exp(layer + own)[self.group]
        return Moments(weight * scale, self.log_sigma2.exp() * scale * scale)

    def marginal(self, weight: Tensor) -> Moments:
        """E = theta e^(m + v/2); V = (e^v - 1) e^(2m + v) (sigma^2 + theta^2) + sigma^2 e^(2m + v)."""
        log_mean, log_variance = self.log_scale()
        mean = torch.exp(log_mean + 0.5 * log_variance)[self.group]
        spread, variance = torch.expm1(log_variance)[self.group] * mean * mean, self.log_sigma2.exp()
        return Moments(weight * mean, spread * (variance + weight * weight) + variance * mean * mean)

    def kl(self, weight: Tensor) -> Tensor:
        """Divergence of the layer's scale, of the groups' scales and of the weights."""
        layer = log_normal_gamma_kl(self.layer_mean[0], self.layer_log_sigma2[0], self.global_scale)
        layer = layer + log_normal_inverse_gamma_kl(self.layer_mean[1], self.layer_log_sigma2[1])
        own = log_normal_gamma_kl(self.scale_mean[0], self.scale_log_sigma2[0])
        own = own + log_normal_inverse_gamma_kl(self.scale_mean[1], self.scale_log_sigma2[1])
        return layer + own.sum() + gaussian_kl(weight, self.log_sigma2).sum()

    def score(self, weight: Tensor) -> Tensor:
        """v - m of log(s z), the negative logarithm of its mode."""
        del weight
        mean, variance = self.log_scale()
        return (variance - mean)[self.group]

    def put_out(self, weight: Tensor, out: Tensor, log_sigma2: float) -> None:
        """Scales s z with the mean log of the prior's, log ``global_scale``, or lower where the threshold asks for it.

        Their log variance, and the weights under them, stay: what the scale leaves of both is little enough.
        """
        del weight, log_sigma2
        groups = self.group[out].unique()
        wanted = min(math.log(self.global_scale), -self.threshold)
        self.scale_mean[1, groups] += 2.0 * (wanted - self.log_scale().mean[groups])
