"""The one shape in which every dataset is handed on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """Three parts of one labelled dataset, disjoint unless ``trains_on_validation`` says otherwise.

    ``x_*`` are float32 (samples, *one sample as the torch module takes it*), ``y_*`` int64 of shape (samples,).
    Everything that is chosen is chosen on the validation part; the test part is for reporting only. With
    ``trains_on_validation`` the training part has the validation part in it, and an error on that is one of training.
    """

    x_train: Floats
    y_train: Labels
    x_validation: Floats
    y_validation: Labels
    x_test: Floats
    y_test: Labels
    classes: int
    trains_on_validation: bool = False

    def __post_init__(self) -> None:
        for part in ("train", "validation", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if x.dtype != np.float32 or y.dtype != np.int64 or len(x) != len(y) or y.ndim != 1:
                raise ValueError(f"{part}: x must be float32 and y int64 of equal length, got {x.dtype}, {y.dtype}")
