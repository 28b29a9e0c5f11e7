"""Networks of the corpus whose convolutions have groups, one channel for each output, or kernel positions apart."""

import numpy as np

from tests.networks import Builder
from tinybayes.ir import Graph


def all_of_them() -> list[tuple[str, Graph, str | None]]:
    """(name, network, weight format that layers have where they may)."""
    return [
        ("depthwise series", depthwise_series(), "depthwise"),
        ("depthwise maps", depthwise_maps(), "depthwise"),
        ("depthwise, far apart", far_apart(), "depthwise"),
        ("planes of maps", planes_of_maps(), "planes"),
        ("planes of a series", planes_of_a_series(), "planes"),
        ("groups", groups(), None),
    ]


def depthwise_series() -> Graph:
    """Two outputs of each channel, then channels in eights and a rest, at an odd number of positions."""
    network = Builder(np.random.default_rng(12), (21, 3), density=1.0, levels=100, per_channel=True)
    network = network.grouped(6, (1, 3), 3, padding=(0, 0, 1, 1)).conv(19, (1, 1), dtype="int8")
    network = network.grouped(19, (1, 5), 19, padding=(0, 0, 2, 2)).grouped(19, (1, 2), 19, (1, 3), (1, 2))
    return network.max_pool((1, 2)).flatten().linear(3).graph()


def depthwise_maps() -> Graph:
    """Channels in fours, signed and unsigned; strides, dilation, an even kernel, margins of different width."""
    network = Builder(np.random.default_rng(13), (13, 11, 2), density=1.0, levels=200).conv(8, (2, 2))
    network = network.grouped(8, (3, 3), 8, padding=(1, 1, 1, 1), dtype="int8")
    network = network.grouped(8, (2, 4), 8, (2, 1), (1, 2), (2, 0, 1, 3)).conv(12, (1, 1), dtype="int8")
    network = network.grouped(12, (3, 3), 12, stride=(2, 1), padding=(1, 1, 1, 1)).grouped(24, (1, 1), 12)
    return network.flatten().linear(3).graph()


def far_apart() -> Graph:
    """More channels than the offset of a vector's load reaches."""
    network = Builder(np.random.default_rng(14), (5, 4, 4), density=1.0, levels=50, per_channel=True)
    network = network.conv(132, (1, 1)).grouped(132, (3, 3), 132, padding=(1, 1, 1, 1), dtype="int8")
    return network.grouped(132, (2, 2), 132).flatten().linear(3).graph()


def planes_of_maps() -> Graph:
    """Channel by channel: 3 x 3 in place, signed and unsigned; lines along rows and columns, strides, even kernels."""
    network = Builder(np.random.default_rng(16), (13, 7, 2), density=1.0, levels=200, per_channel=True).conv(5, (1, 2))
    network = network.grouped(5, (3, 3), 5, padding=(1, 1, 1, 1), dtype="int8").conv(6, (1, 1), dtype="int8")
    network = network.grouped(6, (3, 3), 6, padding=(1, 1, 1, 1)).grouped(6, (3, 2), 6, stride=(2, 1))
    network = network.grouped(6, (2, 4), 6, padding=(1, 0, 2, 1), dtype="int8").grouped(6, (1, 1), 6)
    return network.flatten().linear(3).graph()


def planes_of_a_series() -> Graph:
    """Channel by channel along time: kernels of one to eleven positions, strides, one position left."""
    network = Builder(np.random.default_rng(17), (33, 3), density=1.0, levels=90).conv(7, (1, 1), dtype="int8")
    network = network.grouped(7, (1, 5), 7, padding=(0, 0, 2, 2)).grouped(7, (1, 4), 7, stride=(1, 2))
    network = network.grouped(7, (1, 11), 7, padding=(0, 0, 3, 0), dtype="int8").grouped(7, (1, 8), 7)
    return network.flatten().linear(3).graph()


def groups() -> Graph:
    """Two and three groups, with and without dilation, in whatever format is smallest."""
    network = Builder(np.random.default_rng(15), (12, 9, 4), density=1.0, levels=90).grouped(6, (3, 3), 2)
    network = network.grouped(9, (2, 2), 3, (2, 2), padding=(1, 1, 1, 1), dtype="int8").max_pool((2, 2))
    return network.flatten().linear(3).graph()
