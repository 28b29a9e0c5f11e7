"""A falling cap on the number of living weights, ranked by the posterior's signal-to-noise ratio."""

import torch
from torch import nn

from tinybayes.bayes.layers import INITIAL_LOG_SIGMA2, THRESHOLD
from tinybayes.bayes.sparsify import log_alphas, variational_layers


def cubic_cap(epoch: float, start: float, end: float, most: int, least: int) -> int:
    """``most`` up to epoch ``start``, ``least`` from ``end`` on, a cubic fall between (Zhu and Gupta 2017, eq. 1)."""
    left = 1.0 - min(1.0, max(0.0, (epoch - start) / (end - start))) if end > start else float(epoch < end)
    return round(least + (most - least) * left**3)


@torch.no_grad()
def cap_living(module: nn.Module, most: int, threshold: float = THRESHOLD) -> None:
    """Put out all but the ``most`` weights of lowest log alpha over all layers, and those at ``threshold`` or above.

    A weight that is put out has mean 0 and hardly any variance, so that it stops adding noise to its layer; what the
    data asks for may grow back. Small weights with wide posteriors go first, as in Graves (NIPS 2011), section 6.
    """
    values = log_alphas(module)
    everything = torch.cat([value.flatten() for value in values.values()])
    limit = threshold
    if most < len(everything):
        limit = min(limit, float(everything.kthvalue(most + 1).values))
    for name, layer in variational_layers(module):
        out = values[name] >= limit
        layer.weight[out] = 0.0
        layer.log_sigma2[out] = INITIAL_LOG_SIGMA2
