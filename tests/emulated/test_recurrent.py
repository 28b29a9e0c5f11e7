"""Recurrent operators on every class of cores, to the bit, and with the cycles that were found without running them."""

import numpy as np
import pytest

from tests.emulated import recurrent_networks
from tests.emulated.corpus import Entry
from tests.emulated.matrix import run_cell
from tests.networks import Builder
from tinybayes.boards import load_board
from tinybayes.ir import Gru
from tinybayes.pipeline import compile_network

pytestmark = pytest.mark.emulated
BOARDS = ("microbit", "mps2-an385", "mps2-an386", "mps3-an547")


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("number", range(len(recurrent_networks.all_of_them())))
def test_every_format_on_every_class_of_cores(number: int, board: str) -> None:
    name, graph, weight_format = recurrent_networks.all_of_them()[number]
    cell = run_cell(Entry(name, graph, format=weight_format), load_board(board), samples=5)
    assert (cell.verdict, cell.detail, cell.samples) == ("exact", "", 5)


def test_cycles_are_the_same_for_every_input(tmp_path) -> None:
    graph = Builder(np.random.default_rng(2), (5, 4)).recurrent(Gru, 6, last_only=True).linear(3).graph()
    deployment = compile_network(graph, load_board("mps2-an386"), tmp_path / "out")
    deployment.build()
    found = deployment.record["latency"]
    assert found["same_for_every_input"]
    static = found["cycles"]
    deployment.measure_latency()
    assert deployment.record["latency"]["cycles"] == static
