"""Every weight format with every shape that may trip a kernel: exact on the host, under sanitizers, array by array."""

from pathlib import Path

import pytest

from tests.kernels.cells.batch import EXACT, run_on_host
from tests.kernels.cells.shapes import SHAPES
from tests.kernels.cells.table import ONLY_ON, REFUSED, Cell, batches, cells_of
from tests.kernels.cells.verdicts import Verdicts, session_directory
from tinybayes.plan.core_class import CORE_CLASSES, core_class
from tinybayes.plan.formats import FORMATS

CELLS = [cell for batch in batches() for cell in cells_of(*batch)]
ON_HOST = {
    (cell.op, cell.weight_format, cell.shape, core_class(cell.core) if cell.weight_format == "dense" else ""): cell
    for cell in CELLS
}.values()
"""On the host one C stands in for all cores: each format once, but dense weights, which lie otherwise on each class."""


def name_of(cell: Cell) -> str:
    return f"{cell.op}-{cell.weight_format}-{cell.core}-{cell.shape}"


@pytest.fixture(scope="session")
def verdicts(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Verdicts:
    return Verdicts(session_directory(tmp_path_factory.getbasetemp(), worker_id), run_on_host)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ON_HOST, ids=name_of)
def test_every_cell_is_exact_and_stays_within_its_arrays(cell: Cell, verdicts: Verdicts) -> None:
    assert verdicts.of(cell) == EXACT


@pytest.mark.parametrize(("op", "weight_format", "shape"), REFUSED)
def test_what_a_format_cannot_store_it_refuses(op: str, weight_format: str, shape: str) -> None:
    assert REFUSED[op, weight_format, shape] in Cell(op, weight_format, "cortex-m55", shape).refusal()


def test_the_table_has_every_format_and_every_class_of_cores() -> None:
    assert {(cell.op, cell.weight_format) for cell in CELLS} == set(FORMATS)
    for op, weight_format in FORMATS:
        there = {core_class(cell.core) for cell in CELLS if (cell.op, cell.weight_format) == (op, weight_format)}
        assert there == set(ONLY_ON.get(weight_format, CORE_CLASSES))
    assert all(shape in SHAPES[op] for op, _, shape in REFUSED)


def test_a_read_right_behind_a_table_does_not_go_unnoticed(tmp_path: Path) -> None:
    """An array in the middle of a layer's constants, one entry short: in one struct nobody would notice."""
    cell = Cell("linear", "grouped", "cortex-m0", "odd sizes")
    assert run_on_host([cell], tmp_path / "whole") == [EXACT]
    (verdict,) = run_on_host([cell], tmp_path / "short", shorten="offsets")
    assert verdict != EXACT
