"""What is found without running equals what QEMU counts: instructions, edges, accesses, and so cycles."""

from pathlib import Path

import pytest

from tests.golden.networks import NETWORKS
from tinybayes import tbn
from tinybayes.boards import Board, list_boards, load_board
from tinybayes.build.cmake import build_firmware
from tinybayes.ir import Graph
from tinybayes.pipeline import compile_network
from tinybayes.timing.cores import model_of
from tinybayes.timing.emulate import Marks, trace_in_qemu
from tinybayes.timing.model import cycles
from tinybayes.timing.program import Program
from tinybayes.timing.static import static_trace

EXAMPLES = Path(__file__).parents[2] / "examples"
BOARDS = [name for name in list_boards() if load_board(name).emulated]
QUICK = ("microbit", "mps2-an386", "mps3-an547")
OBJECTIVES = ("flash", "latency", "balanced")


def compare(graph: Graph, board: Board, objective: str, out: Path) -> None:
    assert board.qemu is not None
    deployment = compile_network(graph, board, out, objective=objective, protocol="none")
    elf = build_firmware(out, "network", bench=True)
    program = Program.load(elf, board.core)
    marks = Marks.of_network("network", len(deployment.plan.steps))
    found = static_trace(elf, board.core, marks)
    counted = trace_in_qemu(elf, program, board.qemu.machine, marks, arguments=board.qemu.arguments)
    assert found == counted
    model, flash = model_of(board.core, board.chip.multiplier_cycles), board.chip.flash_timing
    assert cycles(program, found, model, flash) == cycles(program, counted, model, flash)


@pytest.mark.emulated
@pytest.mark.parametrize("name", QUICK)
def test_trace_of_every_operator(name: str, tmp_path: Path) -> None:
    compare(NETWORKS["averaged_map"](), load_board(name), "balanced", tmp_path / "out")


@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("network", [*NETWORKS, "imu-user-id", "mnist-lenet300"])
def test_trace_of_every_network_on_every_board(name: str, objective: str, network: str, tmp_path: Path) -> None:
    graph = NETWORKS[network]() if network in NETWORKS else tbn.load(EXAMPLES / f"{network}.tbn")
    compare(graph, load_board(name), objective, tmp_path / "out")
