"""Estimated instructions of a step, to choose between kernels; never reported as a measurement.

The coefficients are fitted on counts from the emulated Cortex-M4 (Armv7E-M, gcc 12.2 -O2) by ``scripts/fit_cost.py``,
which prints them anew.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinybayes.ir import MacNode


@dataclass(frozen=True)
class MacShape:
    """What the cost of a layer with weights depends on; a row has ``segments`` of ``columns``."""

    rows: int
    columns: int
    segments: int
    nonzero: int
    positions: int
    blocks: int = 0  # of four columns with any nonzero

    @property
    def weights(self) -> int:
        """Weights, zeros included."""
        return self.rows * self.segments * self.columns

    @property
    def tiles(self) -> int:
        """256-wide tiles of all rows."""
        return self.rows * self.segments * -(-self.columns // 256)

    @property
    def outputs(self) -> int:
        """Accumulators that are finished."""
        return self.rows * self.positions


Terms = Callable[[MacShape], tuple[int, ...]]

TERMS: dict[tuple[str, str], Terms] = {
    ("linear", "dense"): lambda s: (s.weights, s.rows),
    ("linear", "index"): lambda s: (s.nonzero, s.tiles, s.rows),
    ("linear", "huffman"): lambda s: (s.nonzero, s.rows),
    ("conv", "dense"): lambda s: (s.weights * s.positions, s.outputs, s.rows),
    ("conv", "index"): lambda s: (s.nonzero * s.positions, s.outputs, s.nonzero + s.tiles, s.rows),
    ("conv", "huffman"): lambda s: (s.nonzero * s.positions, s.outputs, s.nonzero, s.rows),
    ("conv", "pairs"): lambda s: (s.nonzero * s.positions, s.outputs, s.rows),
    ("conv", "blocks"): lambda s: (s.blocks * s.positions, s.outputs, s.rows),
}
"""What the cost of each kernel is a sum of."""

COEFFICIENTS: dict[tuple[str, str], tuple[float, ...]] = {
    ("linear", "dense"): (4.00, 17.31),  # within 0.1%
    ("linear", "index"): (5.23, 23.34, 4.84),  # within 2.9%
    ("linear", "huffman"): (29.02, 24.13),  # within 0.5%
    ("conv", "dense"): (2.71, 12.14, 165.03),  # within 3.2%
    ("conv", "index"): (2.48, 18.76, 17.94, 0.00),  # within 5.9%
    ("conv", "huffman"): (2.67, 18.74, 42.85, 0.00),  # within 4.6%
    ("conv", "pairs"): (2.50, 18.74, 0.00),
    ("conv", "blocks"): (7.0, 18.74, 0.00),
}


def mac_shape(node: MacNode, positions: int) -> MacShape:
    """The shape of ``node`` at ``positions`` output positions."""
    outputs, segments, width, channels = node.weight.shape
    columns = width * channels
    padded = np.pad(node.weight.reshape(outputs, segments, columns), ((0, 0), (0, 0), (0, -columns % 4)))
    blocks = int(padded.reshape(-1, 4).any(axis=1).sum())
    return MacShape(outputs, columns, segments, node.nonzero, positions, blocks)


def estimate_instructions(node: MacNode, weight_format: str, positions: int) -> int:
    """Estimated instructions of ``node`` in ``weight_format`` at ``positions`` output positions."""
    key = (node.op, weight_format)
    terms = TERMS[key](mac_shape(node, positions))
    return round(sum(c * term for c, term in zip(COEFFICIENTS[key], terms, strict=True)))
