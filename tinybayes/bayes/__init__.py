"""Bayesian sparsification of torch networks: variational layers, their KL divergence and schedules."""

from tinybayes.bayes.batch_norm import refresh_batch_norm
from tinybayes.bayes.cap import cap_living, cubic_cap
from tinybayes.bayes.divergence import log_uniform_kl
from tinybayes.bayes.layers import CLIP, INITIAL_LOG_SIGMA2, THRESHOLD, Conv1dVD, Conv2dVD, LinearVD, log_alpha
from tinybayes.bayes.schedule import constant_then_linear, cosine, warm_up
from tinybayes.bayes.sparsify import (
    LogAlphaStatistics,
    kl,
    log_alpha_statistics,
    log_alphas,
    posterior_mean,
    sparsify,
    variational_layers,
)

__all__ = [
    "CLIP",
    "INITIAL_LOG_SIGMA2",
    "THRESHOLD",
    "Conv1dVD",
    "Conv2dVD",
    "LinearVD",
    "LogAlphaStatistics",
    "cap_living",
    "constant_then_linear",
    "cosine",
    "cubic_cap",
    "kl",
    "log_alpha",
    "log_alpha_statistics",
    "log_alphas",
    "log_uniform_kl",
    "posterior_mean",
    "refresh_batch_norm",
    "sparsify",
    "variational_layers",
    "warm_up",
]
