"""How a tensor lies in memory: channels last, with margins that a padded convolution reads as zero."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes.ir import Tensor


@dataclass(frozen=True)
class Storage:
    """A tensor and the margins (top, bottom, left, right), in elements, that it is stored with."""

    tensor: Tensor
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def height(self) -> int:
        """Rows without margins."""
        return self.tensor.hwc[0]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row without margins."""
        return self.tensor.hwc[1] * self.tensor.hwc[2]

    @property
    def left_bytes(self) -> int:
        """Margin bytes before each row."""
        return self.margins[2] * self.tensor.channels

    @property
    def right_bytes(self) -> int:
        """Margin bytes behind each row."""
        return self.margins[3] * self.tensor.channels

    @property
    def stride_bytes(self) -> int:
        """Bytes from one stored row to the next."""
        return self.left_bytes + self.row_bytes + self.right_bytes

    @property
    def strides_bytes(self) -> tuple[int, int, int]:
        """Bytes from one row, column and channel to the next."""
        return self.stride_bytes, self.tensor.channels, 1

    @property
    def has_margins(self) -> bool:
        """Whether there is any margin."""
        return any(self.margins)

    @property
    def origin_bytes(self) -> int:
        """Where the first element lies behind the margins."""
        return self.margins[0] * self.stride_bytes + self.left_bytes

    @property
    def row_gap_bytes(self) -> int:
        """Bytes between the end of a row and the start of the next."""
        return self.left_bytes + self.right_bytes

    @property
    def total_bytes(self) -> int:
        """Bytes with margins."""
        return (self.margins[0] + self.height + self.margins[1]) * self.stride_bytes

    def lay_out(self, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """The bytes of a batch of this tensor (samples, *shape) as they are stored: uint8 (samples, total_bytes)."""
        top, bottom, left, right = self.margins
        maps = values.reshape(-1, *self.tensor.hwc)
        padded = np.pad(maps, ((0, 0), (top, bottom), (left, right), (0, 0)))
        return np.ascontiguousarray(padded).view(np.uint8).reshape(len(maps), self.total_bytes)
