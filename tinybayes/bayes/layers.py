"""Layers whose weights have a posterior: linear, convolutional and recurrent.

Each has the plain layer's attributes and, in ``posteriors``, a :class:`Posterior` for each weight by its name. In
training mode linear and convolutional layers sample pre-activations instead of weights (local reparametrisation,
Kingma, Salimans and Welling 2015) unless ``local`` is False; then, and in recurrent layers always, the weights are
sampled once for each forward pass (Kingma and Welling 2014). In evaluation mode all use the posterior mean.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tinybayes.bayes.posteriors import Moments, Posterior

_EPSILON = 1e-8


def _perturbed(mean: Tensor, variance: Tensor) -> Tensor:
    # The constant keeps the gradient of the square root finite where every input is zero.
    return mean + torch.sqrt(variance + _EPSILON) * torch.randn_like(mean)


class Variational(nn.Module):
    """What all variational layers share. Made from a plain layer by :func:`tinybayes.bayes.sparsify`."""

    posteriors: nn.ModuleDict
    local: bool

    def posterior(self, weight_name: str = "weight") -> Posterior:
        """The posterior of a weight."""
        found = self.posteriors[weight_name]
        assert isinstance(found, Posterior)
        return found

    def weights(self) -> Iterator[tuple[str, Tensor, Posterior]]:
        """(name, location parameter, posterior) of every weight that has a posterior."""
        for name in self.posteriors:
            yield name, self.get_parameter(name), self.posterior(name)

    def _mean(self, name: str) -> Tensor:
        return self.posterior(name).marginal(self.get_parameter(name)).mean

    def _moments(self, name: str) -> Moments:
        return self.posterior(name).conditional(self.get_parameter(name))


class VariationalLinear(Variational, nn.Linear):
    """nn.Linear with a posterior over its matrix; the bias is a plain parameter."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, in_features) to (batch, out_features)."""
        if not self.training:
            return F.linear(input, self._mean("weight"), self.bias)
        mean, variance = self._moments("weight")
        if not self.local:
            return F.linear(input, _perturbed(mean, variance), self.bias)
        return _perturbed(F.linear(input, mean, self.bias), F.linear(input * input, variance))


class _VariationalConv(Variational, nn.modules.conv._ConvNd):
    """What the two convolutions share; every output position draws its own noise."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, in_channels, *space) to (batch, out_channels, *space)."""
        convolve: Any = self._conv_forward  # nn.Conv1d and nn.Conv2d have it, their base does not
        if not self.training:
            return convolve(input, self._mean("weight"), self.bias)  # type: ignore[no-any-return]
        mean, variance = self._moments("weight")
        if not self.local:
            return convolve(input, _perturbed(mean, variance), self.bias)  # type: ignore[no-any-return]
        return _perturbed(convolve(input, mean, self.bias), convolve(input * input, variance, None))


class VariationalConv1d(_VariationalConv, nn.Conv1d):
    """nn.Conv1d with a posterior over its kernel."""


class VariationalConv2d(_VariationalConv, nn.Conv2d):
    """nn.Conv2d with a posterior over its kernel."""


class _VariationalRecurrent(Variational, nn.RNNBase):
    """What GRU and LSTM share: weights drawn once for a batch of sequences, the same at every time step."""

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """While it lasts, the layer computes with weights drawn from their posteriors, or with their means."""
        plain = self._flat_weights
        weights = {name: _perturbed(*self._moments(name)) if self.training else self._mean(name)
                   for name in self.posteriors}  # fmt: skip
        self._flat_weights = [
            weights.get(name, weight) for name, weight in zip(self._flat_weights_names, plain, strict=True)
        ]
        try:
            yield
        finally:
            self._flat_weights = plain


class VariationalGRU(_VariationalRecurrent, nn.GRU):
    """nn.GRU with a posterior over its weight matrices."""

    def forward(self, *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401 - as the plain layer's
        """As the plain layer's."""
        with self.drawn():
            return nn.GRU.forward(self, *arguments, **keywords)


class VariationalLSTM(_VariationalRecurrent, nn.LSTM):
    """nn.LSTM with a posterior over its weight matrices."""

    def forward(self, *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401 - as the plain layer's
        """As the plain layer's."""
        with self.drawn():
            return nn.LSTM.forward(self, *arguments, **keywords)


VARIATIONAL: dict[type[nn.Module], type[Variational]] = {
    nn.Linear: VariationalLinear,
    nn.Conv1d: VariationalConv1d,
    nn.Conv2d: VariationalConv2d,
    nn.GRU: VariationalGRU,
    nn.LSTM: VariationalLSTM,
}

GATES: dict[type[nn.Module], int] = {VariationalGRU: 3, VariationalLSTM: 4}
"""How many rows each hidden neuron has in the matrices of a recurrent layer, apart from the projection of an LSTM."""
