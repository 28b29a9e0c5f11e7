"""Turning a plain network into a variational one and back, and what its posterior says about sparsity."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tinybayes.bayes.divergence import log_uniform_kl
from tinybayes.bayes.layers import INITIAL_LOG_SIGMA2, THRESHOLD, VARIATIONAL, Conv1dVD, Conv2dVD, LinearVD, log_alpha

_PLAIN = {variational: plain for plain, variational in VARIATIONAL.items()}
Variational = LinearVD | Conv1dVD | Conv2dVD


def sparsify(module: nn.Module, initial_log_sigma2: float = INITIAL_LOG_SIGMA2) -> nn.Module:
    """A copy of ``module`` whose Linear, Conv1d and Conv2d have variational weights around their present values."""
    module = copy.deepcopy(module)
    for layer in list(module.modules()):
        if type(layer) in VARIATIONAL:
            # The variational class has the plain one's attributes, so the layer keeps its place, options and hooks.
            layer.__class__ = VARIATIONAL[type(layer)]
            weight = layer.get_parameter("weight")
            layer.log_sigma2 = nn.Parameter(torch.full_like(weight, initial_log_sigma2))
    return module


def posterior_mean(module: nn.Module) -> nn.Module:
    """A plain copy of a variational network: every weight is its posterior mean."""
    module = copy.deepcopy(module)
    for layer in list(module.modules()):
        if type(layer) in _PLAIN:
            del layer.log_sigma2
            layer.__class__ = _PLAIN[type(layer)]
    return module


def variational_layers(module: nn.Module) -> Iterator[tuple[str, Variational]]:
    """(name, layer) of every variational layer, in the order of the module."""
    for name, layer in module.named_modules():
        if type(layer) in _PLAIN:
            yield name, layer


def log_alphas(module: nn.Module) -> dict[str, Tensor]:
    """log alpha of every variational weight, by the name of its layer; shaped as the weight, with gradient."""
    return {name: log_alpha(layer.weight, layer.log_sigma2) for name, layer in variational_layers(module)}


def kl(module: nn.Module) -> Tensor:
    """KL divergence of the whole posterior from the log-uniform prior in nats, a scalar with gradient."""
    terms = [log_uniform_kl(values).sum() for values in log_alphas(module).values()]
    return torch.stack(terms).sum() if terms else torch.zeros(())


@dataclass(frozen=True)
class LogAlphaStatistics:
    """What the posterior of a layer says: how many weights live (log alpha below the threshold), the quartiles."""

    weights: int
    nonzero: int
    quartiles: tuple[float, float, float]


@torch.no_grad()
def log_alpha_statistics(module: nn.Module, threshold: float = THRESHOLD) -> dict[str, LogAlphaStatistics]:
    """Statistics of log alpha by layer."""
    statistics = {}
    for name, values in log_alphas(module).items():
        low, middle, high = torch.quantile(values.flatten().double(), torch.tensor([0.25, 0.5, 0.75]).double()).tolist()
        statistics[name] = LogAlphaStatistics(values.numel(), int((values < threshold).sum()), (low, middle, high))
    return statistics
