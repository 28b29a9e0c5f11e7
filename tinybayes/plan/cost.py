"""Estimated instructions of a step, to choose between kernels; never reported as a measurement.

Formulas of the form ``a * nonzeros + b * rows``, with coefficients fitted on counts from the emulated Cortex-M4
(`make fit-cost` prints counts beside estimates). Armv7E-M, gcc 12.2 -O2.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tinybayes.ir import MacNode


@dataclass(frozen=True)
class MacShape:
    """What the cost of a layer with weights depends on."""

    rows: int
    columns: int
    segments: int
    nonzero: int
    positions: int

    @property
    def tiles(self) -> int:
        """256-wide tiles of a row."""
        return self.segments * -(-self.columns // 256)


def _linear_dense(shape: MacShape) -> float:
    return 4.6 * shape.rows * shape.columns + 20 * shape.rows


def _linear_index(shape: MacShape) -> float:
    return 5.4 * shape.nonzero + (20 + 12 * shape.tiles) * shape.rows


def _linear_huffman(shape: MacShape) -> float:
    return 29 * shape.nonzero + 22 * shape.rows


def _positions(shape: MacShape) -> float:
    return 28 * shape.rows * shape.positions


def _conv_dense(shape: MacShape) -> float:
    return 2.75 * shape.rows * shape.columns * shape.segments * shape.positions + _positions(shape)


def _conv_index(shape: MacShape) -> float:
    unpack = 9 * shape.nonzero + 12 * shape.tiles * shape.rows
    return 2.9 * shape.nonzero * shape.positions + _positions(shape) + unpack


def _conv_huffman(shape: MacShape) -> float:
    return 2.9 * shape.nonzero * shape.positions + _positions(shape) + 32 * shape.nonzero


COSTS: dict[tuple[str, str], Callable[[MacShape], float]] = {
    ("linear", "dense"): _linear_dense,
    ("linear", "index"): _linear_index,
    ("linear", "huffman"): _linear_huffman,
    ("conv", "dense"): _conv_dense,
    ("conv", "index"): _conv_index,
    ("conv", "huffman"): _conv_huffman,
}


def estimate_instructions(node: MacNode, weight_format: str, positions: int) -> int:
    """Estimated instructions of ``node`` in ``weight_format`` at ``positions`` output positions."""
    outputs, segments, width, channels = node.weight.shape
    shape = MacShape(outputs, width * channels, segments, node.nonzero, positions)
    return round(COSTS[node.op, weight_format](shape))
