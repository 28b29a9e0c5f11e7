"""What a training is drawn from: every epoch's figures by layer, and the posterior's signal-to-noise ratios."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from tinybayes.bayes import extract, score_statistics
from tinybayes.bayes.precision import posterior_bits
from tinybayes.compress import MaskedNetwork, SharedNetwork, weight_names

FLOAT_BITS = 32.0
SIGNAL_EDGES = np.linspace(-4.0, 3.0, 57)
"""Edges of the histograms, in decades of the mean's magnitude over the standard deviation."""


@dataclass(frozen=True)
class LayerFigures:
    """A weight tensor after an epoch: ``bits`` are those of one living weight.

    32 as long as weights are floats; in the sparse stage what the posterior's variance leaves of them; with shared
    weights the length of an ideal code for their level and place.
    """

    weights: int
    nonzero: int
    bits: float


@dataclass
class Curve:
    """``epochs`` has a record for each one; ``signal_to_noise`` the histogram of each tensor, by parameter name."""

    epochs: list[dict[str, Any]] = field(default_factory=list)
    signal_to_noise: dict[str, list[int]] = field(default_factory=dict)

    def add(self, stage: str, epoch: int, loss: float, error_percent: float, layers: dict[str, LayerFigures]) -> None:
        """Appends an epoch; ``error_percent`` is on the validation part."""
        by_layer = {name: asdict(figures) for name, figures in layers.items()}
        self.epochs.append({
            "stage": stage,
            "epoch": epoch,
            "loss": loss,
            "validation_error_percent": error_percent,
            "layers": by_layer,
        })  # fmt: skip

    def record(self, *, trained_on_validation: bool = False) -> dict[str, Any]:
        """All of it, JSON-able.

        An epoch's error is ``validation_error_percent``, or ``training_error_percent`` where the samples that validate
        are among those that train.
        """
        measured = f"{'training' if trained_on_validation else 'validation'}_error_percent"
        return {
            "epochs": [
                {measured if key == "validation_error_percent" else key: value for key, value in epoch.items()}
                for epoch in self.epochs
            ],
            "signal_to_noise": {
                "decades": SIGNAL_EDGES.round(6).tolist(),
                "counts": self.signal_to_noise,
            },
        }


def plain_layers(module: nn.Module) -> dict[str, LayerFigures]:
    """Of a network, plain or masked."""
    plain = module.plain() if isinstance(module, MaskedNetwork) else module
    weights = {name: plain.get_parameter(name) for name in weight_names(plain)}
    return {
        name: LayerFigures(weight.numel(), int(torch.count_nonzero(weight)), FLOAT_BITS)
        for name, weight in weights.items()
    }


def posterior_layers(module: nn.Module, threshold: float) -> dict[str, LayerFigures]:
    """Of a variational network."""
    bits = posterior_bits(module)
    return {
        name: LayerFigures(found.weights, found.nonzero, float(bits[name].bits))
        for name, found in score_statistics(module, threshold).items()
    }


@torch.no_grad()
def shared_layers(module: nn.Module) -> dict[str, LayerFigures]:
    """Of a network with shared weights."""
    assert isinstance(module, SharedNetwork)
    bits, figures = module.layer_bits(), plain_layers(module.plain())
    return {
        name: LayerFigures(found.weights, found.nonzero, float(bits[name]) / max(1, found.nonzero))
        for name, found in figures.items()
    }


@torch.no_grad()
def signal_to_noise(module: nn.Module) -> dict[str, list[int]]:
    """How many weights of each tensor have a ratio |mean| / deviation in each bin; the ends take what lies beyond."""
    counts = {}
    for name, found in extract(module).items():
        deviation = found.variance.double().sqrt().clamp(min=torch.finfo(torch.float64).tiny)
        decades = torch.log10((found.mean.double().abs() / deviation).clamp(min=1e-300)).flatten().numpy()
        inside = np.clip(decades, SIGNAL_EDGES[0], SIGNAL_EDGES[-1])
        counts[name] = np.histogram(inside, SIGNAL_EDGES)[0].tolist()
    return counts
