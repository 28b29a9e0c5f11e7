"""Depthwise, grouped and dilated convolutions on a core of every class, to the bit."""

from pathlib import Path

import pytest

from scripts.cost_fitting import BOARDS
from tests.emulated import grouped_networks
from tests.networks import formats_preferring
from tinybayes.boards import load_board
from tinybayes.pipeline import compile_network

pytestmark = pytest.mark.emulated
NETWORKS = {name: (graph, wanted) for name, graph, wanted in grouped_networks.all_of_them()}


@pytest.mark.parametrize("core", BOARDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_bit_is_right(name: str, core: str, tmp_path: Path) -> None:
    graph, wanted = NETWORKS[name]
    board = load_board(BOARDS[core])
    formats = None if wanted is None else formats_preferring(wanted, graph, board.core)
    deployment = compile_network(graph, board, tmp_path / "out", formats=formats)
    deployment.build()
    verdict = deployment.verify(("qemu",), device_samples=8)["qemu"]
    assert verdict.mismatches == 0, str(verdict.first_mismatch)
