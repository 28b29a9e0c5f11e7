"""What `make matrix` runs in full: here every board with one network, and one refusal for each memory."""

import pytest

from tests.emulated.corpus import Entry, corpus
from tests.emulated.matrix import run_cell
from tinybayes.boards import list_boards, load_board
from tinybayes.emit.calls import CALLS
from tinybayes.plan import Plan

BOARDS = tuple(board for board in map(load_board, list_boards()) if board.emulated)


@pytest.fixture(scope="module")
def entries() -> dict[str, Entry]:
    return {entry.name: entry for entry in corpus()}


def kernels(plan: Plan) -> set[str]:
    return {step.kernel for step in plan.steps}


def test_the_corpus_runs_every_kernel(entries):
    cores = {board.core for board in BOARDS}
    covered = set().union(*(kernels(entry.plan(core)) for entry in entries.values() for core in cores))
    assert covered == set(CALLS)


def test_a_wanted_format_is_that_of_every_layer_that_may_have_it(entries):
    assert kernels(entries["all operators, dense"].plan("cortex-m4")) >= {"conv_dense", "linear_dense"}
    assert kernels(entries["all operators, straight"].plan("cortex-m0")) >= {"linear_straight"}


@pytest.mark.emulated
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_imu_user_id_is_exact_on_every_board(board, entries):
    cell = run_cell(entries["imu-user-id, flash"], board, samples=4)
    assert (cell.verdict, cell.detail, cell.samples, cell.tensors_compared) == ("exact", "", 4, 20)
    assert cell.flash_bytes is not None and cell.flash_bytes <= board.flash.size_bytes
    assert cell.ram_bytes is not None and cell.ram_bytes <= board.ram.size_bytes


@pytest.mark.emulated
@pytest.mark.parametrize(
    ("network", "memory", "text"), [("large map", "ram", "RAM"), ("large matrix", "flash", "flash")]
)
def test_what_is_too_large_is_refused_with_the_right_number_of_bytes(network, memory, text, entries):
    cell = run_cell(entries[network], load_board("stm32vldiscovery"))
    assert cell.verdict == "too large", cell.detail
    assert cell.excess_bytes is not None and cell.excess_bytes[memory] > 0
    assert f"by {cell.excess_bytes[memory]:,} bytes in {text}" in cell.detail
