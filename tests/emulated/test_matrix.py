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
    covered = set().union(*(kernels(entry.plan()) for entry in entries.values()))
    assert covered == set(CALLS)


def test_a_forced_format_leaves_the_objectives_as_they_were(entries):
    with entries["all operators, dense"].compiled_as() as objective:
        assert objective == "only dense"
    assert kernels(entries["all operators, dense"].plan()) >= {"conv_dense", "linear_dense"}
    with pytest.raises(Exception, match="only dense"):
        from tinybayes.plan import make_plan

        make_plan(entries["all operators, dense"].graph, "only dense")


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
