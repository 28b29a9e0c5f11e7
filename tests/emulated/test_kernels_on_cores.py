"""Every weight format with every shape that may trip a kernel, on every class of cores: exact, no unaligned access."""

from pathlib import Path

import numpy as np
import pytest

from tests.kernels.cells.batch import BOARDS, EXACT, boot, build_for_board, run_on_board
from tests.kernels.cells.table import BEYOND_FLASH, CORES, Cell, batches, cells_of
from tests.kernels.cells.verdicts import Verdicts, session_directory
from tests.networks import Builder
from tinybayes.boards import load_board
from tinybayes.pipeline import compile_network

pytestmark = pytest.mark.emulated
CELLS = [cell for batch in batches() for cell in cells_of(*batch)]
QUICK = (
    ("linear", "dense", "cortex-m33"),
    ("linear", "index", "cortex-m0"),
    ("linear", "blocks1x16", "cortex-m55"),
    ("linear", "straight", "cortex-m3"),
    ("conv", "dense", "cortex-m4"),
    ("conv", "depthwise", "cortex-m55"),
)
"""Batches that the quick tests have room for: each class of cores, the assembly of the main loops, both operators."""


def name_of(cell: Cell) -> str:
    return f"{cell.op}-{cell.weight_format}-{cell.core}-{cell.shape}"


def parameters() -> list[object]:
    quick = {cell for cell in CELLS if (cell.op, cell.weight_format, cell.core) in QUICK and not cell.large}
    return [
        pytest.param(cell, id=name_of(cell), marks=() if cell in quick else pytest.mark.slow)
        for cell in CELLS
        if cell not in BEYOND_FLASH
    ]


@pytest.fixture(scope="session")
def verdicts(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Verdicts:
    return Verdicts(session_directory(tmp_path_factory.getbasetemp(), worker_id), run_on_board)


@pytest.mark.parametrize("cell", parameters())
def test_every_cell_is_exact_and_aligned(cell: Cell, verdicts: Verdicts) -> None:
    assert verdicts.of(cell) == EXACT


@pytest.mark.slow
@pytest.mark.parametrize("cell", BEYOND_FLASH, ids=name_of)
def test_what_a_board_has_no_flash_for(cell: Cell, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="will not fit in region `FLASH'"):
        build_for_board([cell], tmp_path / "cells", BOARDS[cell.core][-1])


@pytest.mark.parametrize("core", CORES)
def test_an_access_that_is_not_aligned_does_not_go_unnoticed(core: str, tmp_path: Path) -> None:
    board = BOARDS[core][-1]
    elf = build_for_board([Cell("linear", "dense", core, "1x1")], tmp_path / "cells", board)
    assert "exact" in boot(elf, board, 0)
    said = boot(elf, board, 1)
    assert "fault" in said
    assert "went through" not in said


@pytest.mark.parametrize("board", [boards[0] for boards in BOARDS.values()])
def test_straight_line_code_on_every_class_of_cores(board: str, tmp_path: Path) -> None:
    chain = Builder(np.random.default_rng(255), (255,), density=0.15, levels=200, per_channel=True)
    graph = chain.linear(9, "uint8").linear(3, "int8").graph()
    formats: dict[str, str | None] = {node.name: "straight" for node in graph.nodes}
    deployment = compile_network(graph, load_board(board), tmp_path / "out", formats=formats)
    for place, verdict in deployment.verify(("qemu",)).items():
        assert verdict.mismatches == 0, f"{place} of {board}: {verdict.first_mismatch}"
    deployment.build()
    weights = sum(layer["weights_bytes"] for layer in deployment.record["layers"])
    assert deployment.record["flash"]["weights_bytes"] == weights
    assert 0 < deployment.record["flash"]["code_bytes"] < 400, "all else of the network is a few calls"
