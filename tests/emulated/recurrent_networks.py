"""Networks of the corpus with recurrent operators: both kinds, narrow and wide states, every weight format."""

import numpy as np

from tests.networks import Builder
from tinybayes.ir import Graph, Gru, Lstm
from tinybayes.plan.formats import RECURRENT_FORMATS


def all_of_them() -> list[tuple[str, Graph, str | None]]:
    """(name, network, weight format or None for what the objective chooses)."""
    return [(f"recurrent, {name}", recurrent(), name) for name in RECURRENT_FORMATS]


def recurrent() -> Graph:
    """A series of states behind a convolution, wide and narrow states, saturated cells, the last state alone."""
    network = Builder(np.random.default_rng(12), (9, 5), levels=9, per_channel=True).conv(6, (1, 3))
    network = network.recurrent(Gru, 13).recurrent(Lstm, 7, bits=16, cell_fraction_bits=10, output_shift=7)
    network = network.conv(6, (1, 2), padding=(0, 0, 1, 0), dtype="int8").recurrent(
        Gru, 8, bits=16, gate_fraction_bits=11
    )
    return network.recurrent(Lstm, 10, last_only=True).linear(4).graph()
