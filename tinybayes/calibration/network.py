"""The network that boards are measured with: layers that compute much and read little flash, and the other way round.

It has no random numbers, so that every installation builds the same image and knows it by its digest.
"""

import numpy as np
import numpy.typing as npt

from tinybayes.ir import Conv, Flatten, Graph, Linear, MaxPool, Node, Requant, Tensor, verify

_KNUTH = 2_654_435_761  # multiplicative hashing, The Art of Computer Programming 3, 6.4
_LEVELS = np.array([-96, -37, -11, 5, 18, 64], np.int8)


def calibration_network() -> Graph:
    """A chain of convolutions and linear layers, dense and sparse: int8 in, 10 outputs."""
    series = Requant(pre_shift=4, multiplier=np.array([20000], np.int32), post_shift=19, low=0, high=255)
    final = Requant(pre_shift=4, multiplier=np.array([20000], np.int32), post_shift=19, low=-128, high=127)
    tensors = {"x": Tensor("x", (12, 12, 2), "int8", 0.05)}
    nodes: list[Node] = []

    def append(node: Node, shape: tuple[int, ...]) -> None:
        last = node.output == "y"
        tensors[node.output] = Tensor(node.output, shape, "int8" if last else "uint8", 0.05)
        nodes.append(node)

    def linear(name: str, source: str, target: str, outputs: int, inputs: int, one_in: int) -> None:
        weight = _weight((outputs, 1, 1, inputs), one_in)
        requant = final if target == "y" else series
        node = Linear(
            name=name, inputs=(source,), output=target, weight=weight, bias=_bias(outputs), dense_shape=weight.shape,
            weight_scale=np.array([0.01]), requant=requant,
        )  # fmt: skip
        append(node, (outputs,))

    def conv(name: str, source: str, target: str, shape: tuple[int, int, int, int], one_in: int, side: int) -> None:
        weight = _weight(shape, one_in)
        node = Conv(
            name=name, inputs=(source,), output=target, weight=weight, bias=_bias(shape[0]), dense_shape=shape,
            weight_scale=np.array([0.01]), requant=series,
        )  # fmt: skip
        append(node, (side, side, shape[0]))

    conv("conv.dense", "x", "a", (6, 3, 3, 2), 1, 10)
    conv("conv.sparse", "a", "b", (8, 3, 3, 6), 7, 8)
    append(MaxPool(name="pool", inputs=("b",), output="c", window=(2, 2), stride=(2, 2)), (4, 4, 8))
    append(Flatten(name="flatten", inputs=("c",), output="d"), (128,))
    linear("linear.large", "d", "e", 64, 128, 1)
    linear("linear.third", "e", "f", 160, 64, 3)
    linear("linear.tenth", "f", "g", 128, 160, 10)
    linear("linear.fiftieth", "g", "h", 96, 128, 50)
    linear("linear.small", "h", "i", 24, 96, 1)
    linear("linear.last", "i", "y", 10, 24, 2)
    return verify(Graph(tensors, tuple(nodes), "x", "y", (2, 12, 12)))


def calibration_input() -> npt.NDArray[np.int8]:
    """An input, int8 (input_len,): the run time is the same for all."""
    return _hashed(12 * 12 * 2).astype(np.uint8).view(np.int8)


def _hashed(count: int) -> npt.NDArray[np.int64]:
    """Numbers from 0 to 255 that look random."""
    return (np.arange(1, count + 1, dtype=np.int64) * _KNUTH % 2**32 >> 24).astype(np.int64)


def _weight(shape: tuple[int, int, int, int], one_in: int) -> npt.NDArray[np.int8]:
    """Weights of which about one in ``one_in`` is not zero."""
    numbers = _hashed(int(np.prod(shape)))
    values = _LEVELS[numbers % len(_LEVELS)]
    return np.where(numbers * one_in < 256, values, 0).astype(np.int8).reshape(shape)


def _bias(outputs: int) -> npt.NDArray[np.int32]:
    return ((_hashed(outputs) - 128) * 4).astype(np.int32)
