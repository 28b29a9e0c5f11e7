"""A falling cap on the number of living weights, ranked by the posterior's signal-to-noise ratio."""

import torch
from torch import nn

from tinybayes.bayes.posteriors import AdditiveGaussian
from tinybayes.bayes.priors import INITIAL_LOG_SIGMA2, THRESHOLD
from tinybayes.bayes.sparsify import variational_weights


def cubic_cap(epoch: float, start: float, end: float, most: int, least: int) -> int:
    """``most`` up to epoch ``start``, ``least`` from ``end`` on, a cubic fall between (Zhu and Gupta 2017, eq. 1)."""
    left = 1.0 - min(1.0, max(0.0, (epoch - start) / (end - start))) if end > start else float(epoch < end)
    return round(least + (most - least) * left**3)


@torch.no_grad()
def cap_living(module: nn.Module, most: int, threshold: float = THRESHOLD) -> None:
    """Put out all but the ``most`` weights of lowest log alpha over all layers, and those at ``threshold`` or above.

    A weight that is put out has mean 0 and hardly any variance, so that it stops adding noise to its layer; what the
    data asks for may grow back. Small weights with wide posteriors go first, as in Graves (NIPS 2011), section 6.
    Weights of one group have one score and go together, so that fewer than ``most`` may be left.
    Only for posteriors with a variance of each weight; raises TypeError for others.
    """
    weights = []
    for name, weight, posterior in variational_weights(module):
        if not isinstance(posterior, AdditiveGaussian):
            raise TypeError(f"{name}: a cap wants a variance of each weight, got {type(posterior).__name__}")
        weights.append((weight, posterior, posterior.score(weight)))
    everything = torch.cat([score.flatten() for _, _, score in weights])
    limit = threshold
    if most < len(everything):
        limit = min(limit, float(everything.kthvalue(most + 1).values))
    for weight, posterior, score in weights:
        out = score >= limit
        weight[out] = 0.0
        posterior.log_sigma2[out] = INITIAL_LOG_SIGMA2
