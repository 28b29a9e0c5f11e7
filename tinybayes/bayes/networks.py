"""Bayesian models as torch networks of operators that compile: what a device runs in integers."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tinybayes.bayes.linear_head import BayesianLinearHead

if TYPE_CHECKING:
    from tinybayes.bayes.relevance_vectors import RVC

FARTHEST = 8.0
"""Exponent from which a kernel function counts as exp(-8), a third of a thousandth."""


class UncertainClassifier(nn.Module):
    """``features`` and an exact Bayesian last layer, which also says how little it knows.

    Takes what ``features`` takes and returns (batch, classes + 1): class probabilities softmax(c m), and behind them
    the uncertainty 1 - c, where m are the mean scores, c = 1 / sqrt(1 + pi/8 v) and v = phi^T S phi the variance that
    the last layer's weights add (MacKay 1992; Daxberger et al., NeurIPS 2021). The uncertainty is 0 where the weights
    are known and nears 1 where the features are unlike all that the head was fitted to. ``class_scores`` says that the
    first ``classes`` outputs alone are what a class is chosen by.
    """

    def __init__(self, features: nn.Module, head: BayesianLinearHead) -> None:
        super().__init__()
        self.class_scores = head.outputs
        self.output_meaning = f"{head.outputs} class probabilities, then the uncertainty, all of one scale"
        self.features = features
        self.mean = _linear(torch.from_numpy(head.mean.T))
        # v = |R phi|^2 with S = R^T R: rows of R that hardly count are left out.
        values, vectors = torch.linalg.eigh(torch.from_numpy(head.covariance))
        kept = values > values.max() * torch.finfo(torch.float32).eps
        self.root = _linear((vectors[:, kept] * values[kept].sqrt()).T)
        count = int(kept.sum())
        self.variance = _linear(torch.full((head.outputs, count), math.pi / 8), torch.ones(head.outputs))
        self.uncertainty = _linear(torch.eye(1, head.outputs) * -1.0, torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, classes + 1): probabilities, then the uncertainty."""
        phi = self.features(x)
        shrink = torch.rsqrt(self.variance(torch.square(self.root(phi))))
        probabilities = torch.softmax(self.mean(phi) * shrink, dim=1)
        return torch.cat([probabilities, self.uncertainty(shrink)], dim=1)


class KernelClassifier(nn.Module):
    """A relevance vector classifier: (batch, features) to scores (batch, classes), the largest of the chosen class.

    The scores are those of the posterior mean, not corrected by their variance. For two classes they are -s and s.
    An RBF kernel is exp(-gamma |x - c|^2) with |x - c|^2 as one linear layer of x and its squares; inputs are scaled by
    ``reach`` first, so that both fill one grid of codes.
    """

    def __init__(self, model: "RVC", reach: float) -> None:
        super().__init__()
        centers = torch.from_numpy(model.centers_)
        self.rbf = model.kernel == "rbf"
        self.reach = float(reach) if self.rbf else 1.0
        coefficients = torch.zeros(len(model.coef_), len(centers) + 1, dtype=torch.float64)
        for row, (active, mean) in enumerate(zip(model.active_, model.coef_, strict=True)):
            coefficients[row, torch.from_numpy(active)] = torch.from_numpy(mean)
        if len(coefficients) == 1:
            coefficients = torch.cat([-coefficients, coefficients])
        weights, constant = coefficients[:, :-1], coefficients[:, -1]
        if self.rbf:
            scaled = centers / self.reach
            rate = model.gamma_ * self.reach**2
            self.exponent = _linear(
                torch.cat([2 * rate * scaled, torch.full_like(scaled, -rate)], dim=1), -rate * (scaled**2).sum(dim=1)
            )
            self.scores = _linear(weights, constant)
        else:
            self.scores = _linear(weights @ centers, constant)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (batch, classes)."""
        if not self.rbf:
            return self.scores(x)  # type: ignore[no-any-return] # a linear layer
        x = x / self.reach
        exponent = self.exponent(torch.cat([x, torch.square(x)], dim=1))
        return self.scores(torch.exp(exponent.clamp(min=-FARTHEST, max=0.0)))  # type: ignore[no-any-return] # likewise


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer.requires_grad_(False)
