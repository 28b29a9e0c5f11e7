"""Networks of the corpus with branches: additions, products, concatenations."""

import numpy as np

from tests.networks import Builder
from tinybayes.ir import Graph


def all_of_them() -> list[tuple[str, Graph, str | None]]:
    """(name, network, weight format or None for what the objective chooses)."""
    return [
        ("residual", residual(), None),
        ("residual, index", residual(), "index"),
        ("joined", joined(), None),
        ("elements moved", moved(), None),
    ]


def residual() -> Graph:
    """Two blocks around which their inputs go, in place and between margins; the second by a layer of its own."""
    network = Builder(np.random.default_rng(12), (9, 10, 3), levels=9).conv(6, (3, 3), padding=(1, 1, 1, 1))
    network.conv(6, (3, 3), padding=(1, 1, 1, 1)).conv(6, (3, 3), padding=(1, 1, 1, 1), dtype="int8").add("t0", "uint8")
    network.conv(8, (3, 3), (2, 2), (1, 1, 1, 1)).conv(8, (3, 3), padding=(1, 1, 1, 1), dtype="int8")
    network.back_to("t3").conv(8, (1, 1), (2, 2), dtype="int8").add("t5", "uint8")
    return network.average_pool(network.tensor.hwc[:2]).flatten().linear(5).graph()


def joined() -> Graph:
    """Concatenations along every axis, copied and requantized, and a gate for each channel."""
    network = Builder(np.random.default_rng(13), (7, 6, 2), levels=9).conv(4, (3, 3), dtype="uint8")
    network.conv(3, (1, 1), dtype="uint8").back_to("t0").conv(5, (3, 3), padding=(1, 1, 1, 1), dtype="int8")
    network.concat(("t1", "t0"), 2, "uint8").concat(("t3",), 0, "uint8").concat(("t4", "t4"), 1, "int8")
    network.average_pool(network.tensor.hwc[:2]).pointwise("uint8").back_to("t5").multiply("t7", "uint8").add("t5")
    return network.conv(3, (3, 3), padding=(0, 1, 1, 0)).flatten().linear(4).graph()


def moved() -> Graph:
    """Transposed, sliced, and given another shape; read by convolutions with margins."""
    made = Builder(np.random.default_rng(14), (4, 6, 3), levels=9).conv(3, (1, 1))
    made.rearrange((6, 4, 3), 0, (6, 4, 3), (3, 18, 1)).conv(2, (3, 3), padding=(1, 1, 1, 1))
    made.rearrange((3, 2, 2), 2, (3, 2, 2), (16, 4, 1)).rearrange((2, 6), 0, (1, 1, 12), (0, 0, 1))
    made.constant_pad((0, 1, 0), (0, 0, 0), 9).conv(3, (1, 2), padding=(0, 0, 0, 1)).affine("uint8")
    return made.rearrange((9,), 0, (1, 3, 3), (0, 1, 3)).linear(2).graph()
