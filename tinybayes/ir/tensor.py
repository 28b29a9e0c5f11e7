"""The type of a value that flows through a network."""

import math
from dataclasses import dataclass
from typing import Literal

DType = Literal["float32", "int8", "uint8"]


@dataclass(frozen=True)
class Tensor:
    """One activation, without its batch dimension, channels last.

    ``shape`` is ``(features,)``, ``(time, channels)`` or ``(height, width, channels)``.
    An integer tensor means ``real = scale * (q - zero_point)``. Tensors of networks from torch are symmetric
    (zero point 0): ReLU outputs are ``uint8``, so that all 256 codes are used and the zero of a padded border is
    the code 0; every other tensor is ``int8``. The input and the output of a network are ``int8``.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType = "float32"
    scale: float = 1.0
    zero_point: int = 0

    @property
    def elements(self) -> int:
        """Number of elements of one sample; for an integer tensor also its bytes."""
        return math.prod(self.shape)

    @property
    def channels(self) -> int:
        """Length of the last dimension."""
        return self.shape[-1]

    @property
    def hwc(self) -> tuple[int, int, int]:
        """The shape as (height, width, channels): a series is one row, a vector one pixel."""
        padded = (1,) * (3 - len(self.shape)) + self.shape
        return padded[0], padded[1], padded[2]

    @property
    def is_integer(self) -> bool:
        """Whether the tensor holds integer codes."""
        return self.dtype != "float32"

    @property
    def code_range(self) -> tuple[int, int]:
        """Smallest and largest integer code of the dtype."""
        return (0, 255) if self.dtype == "uint8" else (-128, 127)
