"""A falling cap on the number of living weights, ranked by the posterior's signal-to-noise ratio."""

import torch
from torch import nn

from tinybayes.bayes.priors import INITIAL_LOG_SIGMA2
from tinybayes.bayes.sparsify import variational_weights


def cubic_cap(epoch: float, start: float, end: float, most: int, least: int) -> int:
    """``most`` up to epoch ``start``, ``least`` from ``end`` on, a cubic fall between (Zhu and Gupta 2017, eq. 1)."""
    left = 1.0 - min(1.0, max(0.0, (epoch - start) / (end - start))) if end > start else float(epoch < end)
    return round(least + (most - least) * left**3)


@torch.no_grad()
def cap_living(module: nn.Module, most: int, threshold: float | None = None) -> None:
    """Put out all but the ``most`` weights of lowest score over all layers, and those at ``threshold`` or above.

    ``threshold`` stands in for the posteriors' own where it is given. A weight that is put out has a mean of (nearly) 0
    and hardly any variance, so that it stops adding noise to its layer; what the data asks for may grow back. Small
    weights with wide posteriors go first, as in Graves (NIPS 2011), section 6. Weights of one group have one score and
    go together, so that fewer than ``most`` may be left. Raises TypeError for Gaussian dropout, whose weights have no
    variance that could be taken away.
    """
    weights = [(weight, posterior, posterior.score(weight)) for _, weight, posterior in variational_weights(module)]
    if not weights:
        return
    everything = torch.cat([score.flatten() for _, _, score in weights])
    limit = float(everything.kthvalue(most + 1).values) if most < len(everything) else float("inf")
    for weight, posterior, score in weights:
        own = posterior.threshold if threshold is None else threshold
        posterior.put_out(weight, score >= min(limit, own), INITIAL_LOG_SIGMA2)
