"""Bayesian sparsification of torch networks: priors, posteriors, variational layers, divergences and schedules."""

from tinybayes.bayes.batch_norm import refresh_batch_norm
from tinybayes.bayes.cap import cap_living, cubic_cap
from tinybayes.bayes.groups import Blocks, Grouping, by_input, by_output
from tinybayes.bayes.layers import Variational
from tinybayes.bayes.optimizers import parameter_groups
from tinybayes.bayes.posteriors import Moments, Posterior
from tinybayes.bayes.precision import LayerBits, posterior_bits, rounded_weights
from tinybayes.bayes.priors import (
    INITIAL_LOG_SIGMA2,
    THRESHOLD,
    AutomaticRelevance,
    GaussianDropout,
    Horseshoe,
    LogUniform,
    NormalJeffreys,
    Prior,
    StandardNormal,
)
from tinybayes.bayes.schedule import constant_then_linear, cosine, warm_up
from tinybayes.bayes.sparsify import (
    Extracted,
    ScoreStatistics,
    extract,
    kl,
    posterior_mean,
    score_statistics,
    scores,
    sparsify,
    variational_layers,
    variational_weights,
)

__all__ = [
    "INITIAL_LOG_SIGMA2",
    "THRESHOLD",
    "AutomaticRelevance",
    "Blocks",
    "Extracted",
    "GaussianDropout",
    "Grouping",
    "Horseshoe",
    "LayerBits",
    "LogUniform",
    "Moments",
    "NormalJeffreys",
    "Posterior",
    "Prior",
    "ScoreStatistics",
    "StandardNormal",
    "Variational",
    "by_input",
    "by_output",
    "cap_living",
    "constant_then_linear",
    "cosine",
    "cubic_cap",
    "extract",
    "kl",
    "parameter_groups",
    "posterior_bits",
    "posterior_mean",
    "refresh_batch_norm",
    "rounded_weights",
    "score_statistics",
    "scores",
    "sparsify",
    "variational_layers",
    "variational_weights",
    "warm_up",
]
