"""The priors over weights that a network can be made sparse with: what to pass to ``sparsify(module, prior=...)``."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from tinybayes.bayes.groups import Grouping, by_input, by_output
from tinybayes.bayes.posteriors import (
    AdditiveGaussian,
    GroupHorseshoe,
    GroupNormalJeffreys,
    GroupRelevance,
    MultiplicativeGaussian,
    Posterior,
)

THRESHOLD = 3.0
INITIAL_LOG_SIGMA2 = -10.0


class Prior(Protocol):
    """Makes the posterior that stands beside one weight tensor."""

    def posterior(self, weight: Tensor, convolution_groups: int, gates: int = 1) -> Posterior:
        """The posterior of ``weight``, (outputs, inputs of a convolution group, *kernel).

        ``gates`` is 3 for the matrices of a GRU and 4 for those of an LSTM: their outputs are gates times neurons.
        """


@dataclass(frozen=True)
class LogUniform:
    """p(|w|) ~ 1/|w| on every weight: sparse variational dropout, Molchanov, Ashukha and Vetrov (ICML 2017).

    A weight is pruned where log alpha reaches ``threshold``; 3 is a dropout rate of 95 %. The prior is improper, so
    that the posterior's uncertainty is no calibrated one (Hron, Matthews and Ghahramani, 2017).
    """

    initial_log_sigma2: float = INITIAL_LOG_SIGMA2
    threshold: float = THRESHOLD

    def posterior(self, weight: Tensor, convolution_groups: int, gates: int = 1) -> Posterior:
        """One Gaussian for each weight."""
        del convolution_groups, gates
        return AdditiveGaussian(weight, "log-uniform", self.initial_log_sigma2, self.threshold)


@dataclass(frozen=True)
class AutomaticRelevance:
    """N(0, tau) on every weight, each tau chosen by empirical Bayes: Kharitonov, Molchanov and Vetrov (2018).

    With ``groups`` (``by_input``, ``by_output`` or ``Blocks(rows, columns)``) the weights of a group share their tau
    and are pruned together.
    """

    initial_log_sigma2: float = INITIAL_LOG_SIGMA2
    threshold: float = THRESHOLD
    groups: Grouping | None = None

    def posterior(self, weight: Tensor, convolution_groups: int, gates: int = 1) -> Posterior:
        """One Gaussian for each weight."""
        if self.groups is not None:
            group = self.groups(weight, convolution_groups, gates)
            return GroupRelevance(weight, group, self.initial_log_sigma2, self.threshold)
        return AdditiveGaussian(weight, "ard", self.initial_log_sigma2, self.threshold)


@dataclass(frozen=True)
class StandardNormal:
    """N(0, 1) on every weight, a proper prior that prunes little: Graves (NIPS 2011), Blundell et al. (ICML 2015)."""

    initial_log_sigma2: float = INITIAL_LOG_SIGMA2
    threshold: float = THRESHOLD

    def posterior(self, weight: Tensor, convolution_groups: int, gates: int = 1) -> Posterior:
        """One Gaussian for each weight."""
        del convolution_groups, gates
        return AdditiveGaussian(weight, "gaussian", self.initial_log_sigma2, self.threshold)


@dataclass(frozen=True)
class GaussianDropout:
    """Multiplicative noise N(1, alpha) with alpha = rate / (1 - rate).

    Fixed: Srivastava et al. (JMLR 2014), section 10. ``learned``: variational dropout, Kingma, Salimans and Welling
    (NIPS 2015), one rate ``per`` ``"weight"``, ``"neuron"`` (input) or ``"layer"``.
    """

    rate: float = 0.5
    learned: bool = False
    per: str = "layer"
    threshold: float = THRESHOLD

    def __post_init__(self) -> None:
        if not 0.0 < self.rate < 1.0:
            raise ValueError(f"the dropout rate must lie between 0 and 1, got {self.rate}")
        if self.per not in _SHARING:
            raise ValueError(f"a rate per {self.per!r}; wanted one of {', '.join(_SHARING)}")

    def posterior(self, weight: Tensor, convolution_groups: int, gates: int = 1) -> Posterior:
        """Gaussians whose standard deviation is a share of their mean."""
        group = _SHARING[self.per](weight, convolution_groups, gates)
        return MultiplicativeGaussian(group, self.rate / (1.0 - self.rate), self.learned, self.threshold)


def _alone(weight: Tensor, convolution_groups: int, gates: int) -> Tensor:
    del convolution_groups, gates
    return torch.arange(weight.numel()).reshape(weight.shape)


def _together(weight: Tensor, convolution_groups: int, gates: int) -> Tensor:
    del convolution_groups, gates
    return torch.zeros(weight.shape, dtype=torch.int64)


_SHARING: dict[str, Grouping] = {"weight": _alone, "neuron": by_input, "layer": _together}


@dataclass(frozen=True)
class NormalJeffreys:
    """A log-uniform prior on the scale of each group: BC-GNJ of Louizos, Ullrich and Welling (NIPS 2017).

    ``groups`` is ``by_input``, ``by_output`` or ``Blocks(rows, columns)``. A group is pruned where log alpha of its
    scale reaches ``threshold``. The authors' example sets thresholds by hand, between -2.8 and -5 by layer.
    """

    groups: Grouping = by_output
    initial_log_sigma2: float = -9.0
    threshold: float = -3.0

    def posterior(self, weight: Tensor, convolution_groups: int, gates: int = 1) -> Posterior:
        """A scale for each group and a Gaussian for each weight."""
        group = self.groups(weight, convolution_groups, gates)
        return GroupNormalJeffreys(weight, group, self.initial_log_sigma2, self.threshold)


@dataclass(frozen=True)
class Horseshoe:
    """A half-Cauchy prior on the scale of each group: BC-GHS of Louizos, Ullrich and Welling (NIPS 2017).

    ``global_scale`` is tau_0: a group that lives pays about log(1 / tau_0) nats. A group is pruned where the negative
    log mode of its scale reaches ``threshold``; scales start at 1 (0) and fall to about tau_0 (11.5 for 1e-5), and the
    default lies half way between.
    """

    groups: Grouping = by_output
    global_scale: float = 1e-5
    initial_log_sigma2: float = -9.0
    threshold: float = 5.75

    def posterior(self, weight: Tensor, convolution_groups: int, gates: int = 1) -> Posterior:
        """A scale for the layer, one for each group, and a Gaussian for each weight."""
        group = self.groups(weight, convolution_groups, gates)
        return GroupHorseshoe(weight, group, self.initial_log_sigma2, self.global_scale, self.threshold)
