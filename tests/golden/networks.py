"""Networks small enough that their generated code can be read in a review; no random numbers, so they never change."""

import numpy as np

from tinybayes.ir import (
    AveragePool,
    Conv,
    Flatten,
    Graph,
    InputScaling,
    Linear,
    MaxPool,
    Requant,
    Select,
    Tensor,
    verify,
)

_LAYER = Requant(pre_shift=0, multiplier=np.array([20000], np.int32), post_shift=17, low=-128, high=127)
_RELU = Requant(pre_shift=2, multiplier=np.array([24576], np.int32), post_shift=15, low=0, high=255)


def _weight(shape: tuple[int, int, int, int], codes: list[int]) -> np.ndarray:
    return np.array(codes, dtype=np.int8).reshape(shape)


def _every(shape: tuple[int, int, int, int], step: int, levels: list[int]) -> np.ndarray:
    """One weight in ``step`` is nonzero, and the levels take turns."""
    flat = np.zeros(int(np.prod(shape)), dtype=np.int8)
    flat[::step] = np.resize(levels, flat[::step].size)
    return flat.reshape(shape)


def three_formats() -> Graph:
    """Three linear layers for Huffman codes, dense weights, and an index stream."""
    first = Linear(
        name="hidden.0", inputs=("x",), output="a", weight=_every((6, 1, 1, 16), 3, [-3, 5]),
        bias=np.array([64, -128, 0, 192, 32, -32], np.int32), dense_shape=(8, 1, 1, 20),
        weight_scale=np.array([0.02]), requant=_RELU,
    )  # fmt: skip
    second = Linear(
        name="hidden.1", inputs=("a",), output="b", weight=_weight((4, 1, 1, 6), [*range(-12, 0), *range(1, 13)]),
        bias=np.array([1000, -3, 5, 0], np.int32), dense_shape=(4, 1, 1, 8),
        weight_scale=np.array([0.02]), requant=_RELU,
    )  # fmt: skip
    third = Linear(
        name="output", inputs=("b",), output="y", weight=_weight((3, 1, 1, 4), [0, 0, 127, 0, *[0] * 7, -1]),
        bias=np.array([70000, -70001, 0], np.int32), dense_shape=(3, 1, 1, 4),
        weight_scale=np.array([0.02, 0.03, 0.01]),
        requant=Requant(1, np.array([16384, 32767, 20000], np.int32), 16, -128, 127),
    )  # fmt: skip
    tensors = {
        "x": Tensor("x", (16,), "int8", 0.05),
        "a": Tensor("a", (6,), "uint8", 0.1),
        "b": Tensor("b", (4,), "uint8", 0.2),
        "y": Tensor("y", (3,), "int8", 0.25),
    }
    return verify(Graph(tensors, (first, second, third), "x", "y", (16,)))


def padded_series() -> Graph:
    """A 1-D convolution with padding and a fused maximum, then a linear layer; the input is scaled by channel."""
    conv = Conv(
        name="conv", inputs=("x",), output="a", weight=_every((4, 1, 3, 2), 2, [7, -7, 2]),
        bias=np.array([8, 16, -24, 0], np.int32), dense_shape=(4, 1, 3, 2), weight_scale=np.array([0.02]),
        padding=(0, 0, 1, 1), requant=_RELU,
    )  # fmt: skip
    pool = MaxPool(name="pool", inputs=("a",), output="b", window=(1, 2), stride=(1, 2))
    flatten = Flatten(name="flatten", inputs=("b",), output="c")
    linear = Linear(
        name="classes", inputs=("c",), output="y", weight=_every((2, 1, 1, 16), 5, [4, -4]),
        bias=np.array([1, 2], np.int32), dense_shape=(2, 1, 1, 16), weight_scale=np.array([0.02]), requant=_LAYER,
    )  # fmt: skip
    tensors = {
        "x": Tensor("x", (8, 2), "int8", 0.03),
        "a": Tensor("a", (8, 4), "uint8", 0.1),
        "b": Tensor("b", (4, 4), "uint8", 0.1),
        "c": Tensor("c", (16,), "uint8", 0.1),
        "y": Tensor("y", (2,), "int8", 0.25),
    }
    scaling = InputScaling(np.array([0.5, -9.75], np.float32), np.array([0.1, 3.0], np.float32))
    return verify(Graph(tensors, (conv, pool, flatten, linear), "x", "y", (2, 8), scaling))


def averaged_map() -> Graph:
    """A 2-D convolution with a fused average, an overlapping maximum on its own, and a selection of its elements."""
    conv = Conv(
        name="features.0", inputs=("x",), output="a", weight=_every((2, 2, 2, 1), 3, [9, -5]),
        bias=np.array([40, -40], np.int32), dense_shape=(2, 2, 2, 1), weight_scale=np.array([0.02]),
        stride=(1, 1), padding=(1, 0, 1, 0), requant=_RELU,
    )  # fmt: skip
    quarter = Requant(0, np.array([16384], np.int32), 16, 0, 255)
    average = AveragePool(
        name="features.1", inputs=("a",), output="b", window=(2, 2), stride=(2, 2), requant=quarter
    )  # fmt: skip
    overlapping = MaxPool(name="features.2", inputs=("b",), output="c", window=(2, 2), stride=(1, 1))
    flatten = Flatten(name="flatten", inputs=("c",), output="d")
    select = Select(name="live", inputs=("d",), output="e", indices=np.array([1, 2, 3, 7]))
    linear = Linear(
        name="classes", inputs=("e",), output="y", weight=_weight((2, 1, 1, 4), [1, -2, 3, -4, 5, -6, 7, -8]),
        bias=np.array([0, 3], np.int32), dense_shape=(2, 1, 1, 8), weight_scale=np.array([0.02]), requant=_LAYER,
    )  # fmt: skip
    tensors = {
        "x": Tensor("x", (6, 6, 1), "int8", 0.03),
        "a": Tensor("a", (6, 6, 2), "uint8", 0.1),
        "b": Tensor("b", (3, 3, 2), "uint8", 0.1),
        "c": Tensor("c", (2, 2, 2), "uint8", 0.1),
        "d": Tensor("d", (8,), "uint8", 0.1),
        "e": Tensor("e", (4,), "uint8", 0.1),
        "y": Tensor("y", (2,), "int8", 0.25),
    }
    return verify(Graph(tensors, (conv, average, overlapping, flatten, select, linear), "x", "y", (1, 6, 6)))


def straight_line() -> Graph:
    """Two linear layers whose weights become code: few levels, rows of none to many nonzeros."""
    first = Linear(
        name="hidden", inputs=("x",), output="a", weight=_every((5, 1, 1, 12), 4, [-3, 5, 64, 5, -3]),
        bias=np.array([64, -128, 0, 3000, -7], np.int32), dense_shape=(5, 1, 1, 12),
        weight_scale=np.array([0.02]), requant=_RELU,
    )  # fmt: skip
    second = Linear(
        name="output", inputs=("a",), output="y", weight=_weight((2, 1, 1, 5), [0, 0, 0, 0, 0, 9, 0, -9, 1, 0]),
        bias=np.array([100000, 1], np.int32), dense_shape=(2, 1, 1, 5), weight_scale=np.array([0.02]), requant=_LAYER,
    )  # fmt: skip
    tensors = {
        "x": Tensor("x", (12,), "int8", 0.05),
        "a": Tensor("a", (5,), "uint8", 0.1),
        "y": Tensor("y", (2,), "int8", 0.2),
    }
    return verify(Graph(tensors, (first, second), "x", "y", (12,)))


NETWORKS = {
    "straight_line": straight_line,
    "three_formats": three_formats,
    "padded_series": padded_series,
    "averaged_map": averaged_map,
}
