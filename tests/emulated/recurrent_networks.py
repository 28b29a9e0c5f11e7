"""Networks of the corpus with recurrent operators: both kinds, narrow and wide states, every weight format."""

import numpy as np

from tests.networks import Builder
from tinybayes.ir import Graph, Gru, Lstm
from tinybayes.plan.formats import RECURRENT_FORMATS


def all_of_them() -> list[tuple[str, Graph, str | None]]:
    """(name, network, weight format or None for what the objective chooses)."""
    one_way = [(f"recurrent, {name}", recurrent(), name) for name in RECURRENT_FORMATS]
    return [*one_way, *((f"both directions, {name}", both_directions(), name) for name in RECURRENT_FORMATS)]


def both_directions() -> Graph:
    """Series read from both ends, side by side, and the last states of both; wide and narrow states."""
    network = Builder(np.random.default_rng(17), (7, 3), levels=9).recurrent(Gru, 5)
    network.back_to("x").recurrent(Gru, 6, backward=True).concat(("t0",)).recurrent(Lstm, 4, bits=16, last_only=True)
    network.back_to("t2").recurrent(Lstm, 7, bits=16, backward=True, last_only=True).concat(("t3",))
    return network.linear(4).graph()


def recurrent() -> Graph:
    """A series of states behind a convolution, wide and narrow states, saturated cells, the last state alone."""
    network = Builder(np.random.default_rng(12), (9, 5), levels=9, per_channel=True).conv(6, (1, 3))
    network = network.recurrent(Gru, 13).recurrent(Lstm, 7, bits=16, cell_fraction_bits=10, output_shift=7)
    network = network.conv(6, (1, 2), padding=(0, 0, 1, 0), dtype="int8").recurrent(
        Gru, 8, bits=16, gate_fraction_bits=11
    )
    return network.recurrent(Lstm, 10, last_only=True).linear(4).graph()
