"""What a training tells while it runs, and what it hands over at its end."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from tinybayes.datasets import Dataset
from tinybayes.datasets.dataset import Floats
from tinybayes.recipes.curve import Curve
from tinybayes.recipes.knobs import Knobs


@dataclass(frozen=True)
class Progress:
    """Where a training stands after an epoch; ``sparsity`` is that of weights.

    ``error_percent`` is on the validation part, which is trained on where the knob ``refit`` asks for it.
    """

    recipe: str
    stage: str
    epoch: int
    epochs: int
    loss: float
    error_percent: float
    nonzero: int
    sparsity: float
    seconds_left: float


@dataclass(frozen=True)
class Trained:
    """A finished training: the plain network in evaluation mode and the figures of every stage.

    ``stages`` maps dense, sparse, pruned, fine-tuned and shared to accuracy (test), validation_accuracy (fractions;
    training_accuracy where the validation part is trained on), nonzero, weights, estimated_bytes and seconds.
    ``calibration_x`` are training samples. ``by_recording`` is the test
    accuracy of the dense network when whole recordings are held out, where the recipe has that side experiment.
    ``curve`` says how every epoch went.
    """

    recipe: str
    module: nn.Module
    dataset: Dataset
    calibration_x: Floats
    stages: dict[str, dict[str, float]]
    seed: int
    knobs: Knobs
    by_recording: float | None
    curve: Curve

    def curve_record(self) -> dict[str, Any]:
        """``curve``, JSON-able, its errors named after what they were measured on."""
        return self.curve.record(trained_on_validation=self.dataset.trains_on_validation)

    @property
    def dense_accuracy(self) -> float:
        """Test accuracy of the same network trained without sparsification, a fraction."""
        return self.stages["dense"]["accuracy"]
