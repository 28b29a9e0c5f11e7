"""Turning a plain network into a variational one and back, and what its posterior says about sparsity."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tinybayes.bayes.layers import GATES, VARIATIONAL, Variational
from tinybayes.bayes.posteriors import Posterior
from tinybayes.bayes.priors import LogUniform, Prior

_PLAIN = {variational: plain for plain, variational in VARIATIONAL.items()}


def sparsify(module: nn.Module, prior: Prior | None = None, *, local: bool = True) -> nn.Module:
    """A copy of ``module`` whose Linear, Conv1d, Conv2d, GRU and LSTM layers have posteriors over their weights.

    Weights that are frozen (``requires_grad`` is False) stay as they are, and so do layers all of whose weights are.
    Posteriors start around the present values; ``prior`` is :class:`LogUniform` unless another is given. ``local``
    chooses between sampling pre-activations and sampling weights. A training loop has only to add :func:`kl` to its
    loss, divided by the number of training samples where the loss is a mean over samples.
    """
    prior = LogUniform() if prior is None else prior
    module = copy.deepcopy(module)
    for layer in list(module.modules()):
        names = [name for name, parameter in layer.named_parameters(recurse=False)
                 if name.startswith("weight") and parameter.requires_grad]  # fmt: skip
        if type(layer) in VARIATIONAL and names:
            # The variational class has the plain one's attributes, so the layer keeps its place, options and hooks.
            layer.__class__ = VARIATIONAL[type(layer)]
            groups = getattr(layer, "groups", 1)
            gates = {name: 1 if name.startswith("weight_hr") else GATES.get(layer.__class__, 1) for name in names}
            layer.posteriors = nn.ModuleDict(
                {name: prior.posterior(layer.get_parameter(name).detach(), groups, gates[name]) for name in names}
            )
            layer.local = local  # type: ignore[assignment] # a plain flag, though modules may hold tensors
    return module


@torch.no_grad()
def posterior_mean(module: nn.Module) -> nn.Module:
    """A plain copy of a variational network: every weight is its posterior mean."""
    module = copy.deepcopy(module)
    for _, layer in list(variational_layers(module)):
        for _, weight, posterior in layer.weights():
            weight.copy_(posterior.marginal(weight).mean)
        del layer.posteriors, layer.local
        layer.__class__ = _PLAIN[type(layer)]  # type: ignore[assignment] # back to what it was made from
    return module


@dataclass(frozen=True)
class Extracted:
    """What a posterior says of one weight: ``mask`` (1 keeps, 0 prunes), ``mean`` and ``variance``, all its shape."""

    mask: Tensor
    mean: Tensor
    variance: Tensor


@torch.no_grad()
def extract(module: nn.Module) -> dict[str, Extracted]:
    """Masks, means and variances of every variational weight, by the weight's parameter name; copies."""
    found = {}
    for name, weight, posterior in variational_weights(module):
        mean, variance = posterior.marginal(weight)
        keep = (posterior.score(weight) < posterior.threshold).to(weight.dtype)
        found[name] = Extracted(keep, mean.clone(), variance.clone())
    return found


def variational_layers(module: nn.Module) -> Iterator[tuple[str, Variational]]:
    """(name, layer) of every variational layer, in the order of the module."""
    for name, layer in module.named_modules():
        if isinstance(layer, Variational):
            yield name, layer


def variational_weights(module: nn.Module) -> Iterator[tuple[str, Tensor, Posterior]]:
    """(parameter name, location, posterior) of every variational weight, in the order of the module."""
    for layer_name, layer in variational_layers(module):
        for name, weight, posterior in layer.weights():
            yield f"{layer_name}.{name}" if layer_name else name, weight, posterior


def scores(module: nn.Module) -> dict[str, Tensor]:
    """The pruning score of every variational weight, by parameter name; shaped as the weight, with gradient."""
    return {name: posterior.score(weight) for name, weight, posterior in variational_weights(module)}


def kl(module: nn.Module) -> Tensor:
    """KL divergence of the whole posterior from the prior in nats, a scalar with gradient."""
    terms = [posterior.kl(weight) for _, weight, posterior in variational_weights(module)]
    return torch.stack(terms).sum() if terms else torch.zeros(())


@dataclass(frozen=True)
class ScoreStatistics:
    """What the posterior of a weight tensor says: how many live (score below the threshold), the quartiles."""

    weights: int
    nonzero: int
    quartiles: tuple[float, float, float]


@torch.no_grad()
def score_statistics(module: nn.Module, threshold: float | None = None) -> dict[str, ScoreStatistics]:
    """Statistics of the scores by parameter name; ``threshold`` stands in for the posteriors' own where given."""
    statistics = {}
    for name, weight, posterior in variational_weights(module):
        values = posterior.score(weight)
        limit = posterior.threshold if threshold is None else threshold
        low, middle, high = torch.quantile(values.flatten().double(), torch.tensor([0.25, 0.5, 0.75]).double()).tolist()
        statistics[name] = ScoreStatistics(values.numel(), int((values < limit).sum()), (low, middle, high))
    return statistics
