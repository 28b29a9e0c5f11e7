"""Blocks of weights that are pruned together, so that kernels fetch one index for all of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class BlockShape:
    """``rows`` outputs by ``columns`` weights that lie side by side as the device stores them.

    Blocks start at multiples of their size; those at the edges are smaller, and none crosses from one kernel row to the
    next.
    """

    rows: int
    columns: int

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}"

    def energies(self, weight: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The root mean square of its block for each weight, shaped as ``weight`` (outputs, height, width, inputs)."""
        outputs, segments, *_ = weight.shape
        squares = weight.astype(np.float64).reshape(outputs, segments, -1) ** 2
        columns = squares.shape[2]
        row = np.arange(outputs) // self.rows
        column = np.arange(columns) // self.columns
        blocks_across = int(column[-1]) + 1
        number = (row[:, None, None] * segments + np.arange(segments)[:, None]) * blocks_across + column
        sums = np.bincount(number.ravel(), squares.ravel())
        sizes = np.bincount(number.ravel())
        means = np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
        energies: npt.NDArray[np.float64] = np.sqrt(means)[number].reshape(weight.shape)
        return energies


SHAPES = {str(shape): shape for shape in (BlockShape(1, 4), BlockShape(4, 1), BlockShape(1, 16))}
"""Shapes that kernels are made for: pairs of products (DSP), cores without, vectors (MVE)."""
