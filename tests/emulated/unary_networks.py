"""Networks of the corpus with operators without weights: single elements, channels of a position, windows."""

import numpy as np

from tests.networks import Builder
from tinybayes.ir import AveragePoolSpans, Graph, MaxPoolSpans


def all_of_them() -> list[tuple[str, Graph, str | None]]:
    """(name, network, weight format or None for what the objective chooses)."""
    return [
        ("functions by table", functions(), None),
        ("functions by table, sparse", functions(), "index"),
        ("softmax of maps", softmax_of_maps(), "index"),
        ("class numbers", class_numbers(), None),
        ("windows that differ", windows(), "index"),
        ("any dimension reduced", reduced(), None),
        ("any dimension reduced, index", reduced(), "index"),
    ]


def functions() -> Graph:
    """Tables in place, between margins, shared and at the end; other scales in between."""
    network = Builder(np.random.default_rng(9), (9, 10, 2), levels=9).requantize("uint8").conv(5, (3, 3)).pointwise()
    network = network.conv(4, (3, 3), padding=(1, 1, 1, 1)).max_pool((2, 2)).requantize("uint8")
    network = network.conv(6, (2, 2), padding=(1, 0, 1, 0), dtype="int8").pointwise("uint8").flatten().linear(7)
    return network.pointwise().linear(5).pointwise(table=network.nodes[-2].table).graph()


def softmax_of_maps() -> Graph:
    """Softmax in place, between margins, with a short table and a whole one, and at the end."""
    network = Builder(np.random.default_rng(10), (7, 6, 3), levels=9).conv(9, (3, 3)).softmax("uint8")
    network = network.conv(6, (3, 3), padding=(1, 1, 1, 1), dtype="int8").softmax("uint8", 0.01).flatten()
    return network.linear(12).softmax().graph()


def class_numbers() -> Graph:
    """The largest of several channels at every position of a map."""
    return Builder(np.random.default_rng(11), (6, 9, 2), levels=9).conv(11, (3, 2)).argmax().graph()


def reduced() -> Graph:
    """Maxima over channels, read with margins; means over height and channels, over a row, and over everything."""
    network = Builder(np.random.default_rng(18), (6, 7, 4), levels=9).conv(8, (3, 3))
    network.rearrange((20, 8, 1), 0, (1, 1, 160), (0, 0, 1)).max_pool((1, 8))
    network.rearrange((4, 5, 1), 0, (1, 1, 20), (0, 0, 1)).conv(3, (3, 3), padding=(1, 1, 1, 1)).flatten().linear(5)
    network.back_to("t0").rearrange((4, 40, 1), 0, (1, 1, 160), (0, 0, 1)).average_pool((4, 8)).flatten().linear(5)
    network.back_to("t0").rearrange((4, 40, 1), 0, (1, 1, 160), (0, 0, 1)).average_pool((1, 40)).flatten().linear(5)
    network.back_to("t0").rearrange((1, 160, 1), 0, (1, 1, 160), (0, 0, 1)).average_pool((1, 160)).flatten().linear(5)
    first, second, third, fourth = (node.output for node in network.nodes if node.op == "linear")
    return network.back_to(first).add(second).add(third).add(fourth).graph()


def windows() -> Graph:
    """Maxima and means, with one multiplier and with several, before the input is used and between margins."""
    network = Builder(np.random.default_rng(12), (11, 12, 3), levels=9, per_channel=True)
    network = network.spans(MaxPoolSpans, 9, 8).conv(5, (2, 2)).spans(AveragePoolSpans, 6, 6)
    network = network.conv(4, (3, 3), padding=(1, 1, 1, 1)).spans(MaxPoolSpans, 5, 4)
    network.per_channel = False
    return network.spans(AveragePoolSpans, 3, 7).flatten().linear(6).graph()
