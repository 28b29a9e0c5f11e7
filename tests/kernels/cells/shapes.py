"""Shapes of single layers that kernels may stumble over, as networks of one layer with weights.

A row of ``LINEAR_SHAPES`` or ``CONV_SHAPES`` is a name and what makes the network for a weight format: a format that
wants channels in fours, or one channel for each output, gets the nearest shape that it can store.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tests.networks import Builder
from tinybayes.ir import Graph, MacNode, Requant
from tinybayes.ir.verify import ACCUMULATOR_LIMIT

MANY = 65_537
"""One nonzero more than 16 bits count."""
Shape = Callable[[str], Graph]


@dataclass(frozen=True)
class Extreme:
    """A requantization at its limits; biases are as large as accumulators may be where ``full`` says so."""

    requant: Requant
    full: bool = False


def _requant(pre: int, multiplier: int | list[int], post: int, low: int = -128, high: int = 127) -> Requant:
    return Requant(pre, np.atleast_1d(np.array(multiplier, np.int32)), post, low, high)


EXTREMES: Mapping[str, Extreme] = {
    "all codes saturate": Extreme(_requant(0, 32767, 1)),
    "16 bits saturate": Extreme(_requant(0, 32767, 22)),
    "accumulators of 30 bits": Extreme(_requant(14, 32767, 23), full=True),
    "accumulators of 30 bits, shifted out": Extreme(_requant(24, 1, 1), full=True),
    "ties round up": Extreme(_requant(0, 1, 1)),
    "products of 30 bits": Extreme(_requant(0, 32767, 30)),
    "multipliers from 1 to 32767": Extreme(_requant(0, [1, 32767, 16384, 2, 32766, 3, 8191, 1], 16)),
    "one code is left": Extreme(_requant(3, 20000, 15, -100, -100)),
    "narrow clamp": Extreme(_requant(3, 20000, 18, -100, 90)),
}
EXTREME_ROWS = 8


def _extreme_rows(rows: int, columns: int) -> np.ndarray:
    """Weights at their limits and next to zero: a row of the highest, one of the lowest, both in turn, ones."""
    weight = np.zeros((EXTREME_ROWS, columns), np.int64)
    weight[0], weight[1] = 127, -128
    weight[2, ::2], weight[2, 1::2] = 127, -128
    weight[3], weight[4], weight[5, :1], weight[6, -1:] = 1, -1, 1, -1
    return np.resize(weight, (rows, columns)).astype(np.int8)


def _make_extreme(node: MacNode, extreme: Extreme) -> None:
    """Puts weights, biases and requantization of ``node`` to their limits; zeros stay."""
    shape = node.weight.shape
    node.weight[:] = (_extreme_rows(shape[0], node.matrix.shape[1]).reshape(shape)) * (node.weight != 0)
    sums = np.abs(node.matrix.astype(np.int64)).sum(axis=1) * 255
    room = ACCUMULATOR_LIMIT - sums if extreme.full else np.full(shape[0], 3)
    node.bias[:] = room * np.resize([1, -1, 1, -1, -1, 1, 1, -1], shape[0])
    multiplier = extreme.requant.multiplier
    multiplier = np.resize(multiplier, shape[0]) if multiplier.size > 1 else multiplier
    object.__setattr__(node, "requant", replace(extreme.requant, multiplier=multiplier))
    object.__setattr__(node, "weight_scale", np.full(multiplier.size, 0.01))


@dataclass(frozen=True)
class Matrix:
    """A fully connected layer of ``rows`` by ``columns``; ``empty`` are rows without nonzeros."""

    rows: int
    columns: int
    density: float = 0.2
    levels: int = 12
    empty: tuple[int, ...] = ()
    unsigned: bool = False
    per_channel: bool = False
    nonzeros: int | None = None
    extreme: str = ""

    def __call__(self, _weight_format: str) -> Graph:
        """The network."""
        rng = np.random.default_rng(self.rows * 1000 + self.columns)
        chain = Builder(rng, (self.columns,), self.density, self.levels, self.per_channel)
        if self.unsigned:
            chain.requantize("uint8")
        node = chain.linear(self.rows).nodes[-1]
        assert isinstance(node, MacNode)
        node.weight[list(self.empty)] = 0
        if self.nonzeros is not None:
            _keep(node, self.nonzeros, rng)
        if self.extreme:
            _make_extreme(node, EXTREMES[self.extreme])
        return chain.graph()


def _keep(node: MacNode, nonzeros: int, rng: np.random.Generator) -> None:
    """Exactly ``nonzeros`` weights that are not zero, of those that are not."""
    flat = node.weight.reshape(-1)
    there = np.flatnonzero(flat)
    assert there.size >= nonzeros
    flat[rng.choice(there, there.size - nonzeros, replace=False)] = 0


LINEAR_SHAPES: Mapping[str, Shape] = {
    "odd sizes": Matrix(13, 37, density=0.4, levels=7),
    "1x1": Matrix(1, 1, density=1.0),
    "one row": Matrix(1, 301),
    "one column": Matrix(21, 1, density=0.7),
    "two rows of three": Matrix(2, 3, density=0.8),
    "empty rows": Matrix(11, 70, empty=(0, 4, 5, 10)),
    "all zero": Matrix(5, 9, empty=(0, 1, 2, 3, 4)),
    "all one level": Matrix(9, 67, density=0.3, levels=1),
    "254 levels": Matrix(7, 90, density=1.0, levels=254),
    "255 columns": Matrix(6, 255),
    "256 columns": Matrix(6, 256),
    "257 columns": Matrix(6, 257),
    "255 full columns": Matrix(3, 255, density=1.0),
    "256 full columns": Matrix(3, 256, density=1.0),
    "257 full columns": Matrix(3, 257, density=1.0),
    "1,025 columns": Matrix(5, 1025, density=0.05, levels=5),
    "beyond a load's reach": Matrix(5, 4200, density=0.02, levels=9),
    "unsigned activations": Matrix(9, 131, unsigned=True),
    "unsigned, 4,200 columns": Matrix(3, 4200, density=0.02, unsigned=True),
    "multipliers of channels": Matrix(10, 45, per_channel=True),
    "65,537 nonzeros": Matrix(301, 1001, density=0.25, levels=6, nonzeros=MANY),
    **{name: Matrix(EXTREME_ROWS, 35, density=1.0, extreme=name) for name in EXTREMES},
    **{
        f"{name}, unsigned": Matrix(EXTREME_ROWS + 1, 35, density=1.0, unsigned=True, extreme=name)
        for name in ("16 bits saturate", "accumulators of 30 bits", "ties round up")
    },
}


@dataclass(frozen=True)
class Map:
    """A convolution of a map ``height`` by ``width`` by ``channels``; without ``height``, of a series."""

    height: int
    width: int
    channels: int
    outputs: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    pool: tuple[str, tuple[int, int]] | None = None
    density: float = 0.4
    levels: int = 12
    empty: tuple[int, ...] = ()
    unsigned: bool = False
    per_channel: bool = False
    nonzeros: int | None = None
    extreme: str = ""

    def __call__(self, weight_format: str) -> Graph:
        """The network; a format that reads words of the map reads one that lies in the arena."""
        fitted = FITS.get(weight_format, lambda same: same)(self)
        rng = np.random.default_rng(fitted.width * 1000 + fitted.channels)
        height = (fitted.height,) if fitted.height else ()
        chain = Builder(
            rng, (*height, fitted.width, fitted.channels), fitted.density, fitted.levels, fitted.per_channel
        )
        if fitted.unsigned or weight_format == "blocks":
            chain.requantize("uint8" if fitted.unsigned else "int8")
        chain.conv(fitted.outputs, fitted.kernel, fitted.stride, fitted.padding, "int8")
        node = chain.nodes[-1]
        assert isinstance(node, MacNode)
        if weight_format in ("depthwise", "planes"):
            each = fitted.outputs // fitted.channels
            node.weight[:] = np.where(node.weight == 0, 1, node.weight) if fitted.density == 1 else node.weight
            node.weight[:] *= np.repeat(np.eye(fitted.channels, dtype=np.int8), each, axis=0)[:, None, None]
        node.weight[[row for row in fitted.empty if row < fitted.outputs]] = 0
        if fitted.nonzeros is not None:
            _keep(node, fitted.nonzeros, rng)
        if fitted.extreme:
            _make_extreme(node, EXTREMES[fitted.extreme])
        if fitted.pool is not None:
            kind, window = fitted.pool
            getattr(chain, kind)(window)
        return chain.graph()


def _in_fours(shape: Map) -> Map:
    return replace(shape, channels=-(-shape.channels // 4) * 4)


def _in_sixteens(shape: Map) -> Map:
    return replace(shape, channels=max(shape.channels, -(-16 // shape.kernel[1])))


def _by_channel(shape: Map) -> Map:
    """One or two outputs for each channel, of which there are at least two; enough of them for the nonzeros."""
    channels = max(2, shape.channels)
    if shape.nonzeros is not None:
        return replace(shape, height=64, width=33, channels=16, outputs=32, kernel=(64, 33))
    each = 2 if shape.outputs > channels else 1
    return replace(shape, channels=channels, outputs=channels * each)


def _one_each(shape: Map) -> Map:
    """One output for each channel, of which there are at least two; enough of them for the nonzeros."""
    if shape.nonzeros is not None:
        return replace(shape, height=64, width=33, channels=32, outputs=32, kernel=(64, 33))
    channels = max(2, shape.channels)
    return replace(shape, channels=channels, outputs=channels)


FITS: Mapping[str, Callable[[Map], Map]] = {
    "blocks": _in_fours,
    "sixteens": _in_sixteens,
    "depthwise": _by_channel,
    "planes": _one_each,
}

CONV_SHAPES: Mapping[str, Shape] = {
    "odd sizes": Map(7, 9, 3, 5, kernel=(3, 2), stride=(2, 1)),
    "odd sizes, padded": Map(5, 7, 3, 7, padding=(1, 1, 1, 1)),
    "padded on one side": Map(6, 5, 2, 3, kernel=(2, 2), padding=(0, 1, 1, 0)),
    "1x1": Map(1, 1, 1, 1, kernel=(1, 1), density=1.0),
    "1x1 kernel": Map(3, 5, 7, 6, kernel=(1, 1)),
    "kernel as large as the map": Map(4, 3, 3, 5, kernel=(4, 3)),
    "one row": Map(1, 13, 3, 5, kernel=(1, 3)),
    "one column": Map(13, 1, 3, 5, kernel=(3, 1)),
    "series": Map(0, 29, 3, 7, kernel=(1, 5), padding=(0, 0, 2, 2)),
    "one output": Map(5, 6, 3, 1),
    "strides of two": Map(9, 11, 2, 6, stride=(2, 2), padding=(1, 1, 1, 1)),
    "empty rows": Map(5, 5, 3, 6, kernel=(2, 2), empty=(0, 2, 5)),
    "all zero": Map(4, 4, 2, 3, kernel=(2, 2), empty=(0, 1, 2)),
    "all one level": Map(6, 6, 3, 6, levels=1),
    "254 levels": Map(5, 5, 6, 9, density=1.0, levels=254),
    "255 columns": Map(2, 3, 255, 3, kernel=(1, 1)),
    "256 columns": Map(2, 3, 256, 3, kernel=(1, 1)),
    "257 columns": Map(2, 3, 257, 3, kernel=(1, 1)),
    "256 full columns": Map(1, 3, 256, 3, kernel=(1, 1), density=1.0),
    "257 columns of two kernel rows": Map(3, 2, 257, 2, kernel=(2, 1), density=0.1),
    "unsigned activations": Map(6, 7, 5, 6, unsigned=True),
    "unsigned, padded": Map(6, 7, 4, 6, unsigned=True, padding=(1, 1, 1, 1)),
    "largest of two by two": Map(9, 10, 3, 5, padding=(1, 1, 1, 1), pool=("max_pool", (2, 2))),
    "largest of three": Map(0, 22, 4, 5, kernel=(1, 3), pool=("max_pool", (1, 3))),
    "mean of two by three": Map(8, 9, 3, 5, kernel=(3, 2), pool=("average_pool", (2, 3))),
    "multipliers of channels": Map(5, 6, 3, 7, per_channel=True),
    "65,537 nonzeros": Map(4, 4, 64, 120, density=1.0, levels=6, nonzeros=MANY),
    **{name: Map(3, 4, 4, EXTREME_ROWS, kernel=(2, 3), density=1.0, extreme=name) for name in EXTREMES},
    **{
        f"{name}, unsigned": Map(4, 5, 3, EXTREME_ROWS, padding=(1, 1, 1, 1), density=1.0, unsigned=True, extreme=name)
        for name in ("16 bits saturate", "accumulators of 30 bits", "ties round up")
    },
}
SHAPES: Mapping[str, Mapping[str, Shape]] = {"linear": LINEAR_SHAPES, "conv": CONV_SHAPES}
