"""What the link carries for each second of CPU that the emulator gets, however busy the machine is."""

import pytest

from scripts.link_throughput import LINE_BYTES_PER_SECOND, measure
from tinybayes.boards import list_boards, load_board

AS_A_LINE_OF_921600_BAUD = 0.8 * LINE_BYTES_PER_SECOND
WANTED = {"microbit": AS_A_LINE_OF_921600_BAUD, "lm3s6965evb": AS_A_LINE_OF_921600_BAUD}
EMULATED = [name for name in list_boards() if load_board(name).emulated]


@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.parametrize("board", EMULATED)
def test_inputs_of_run_many_come_as_fast_as_over_a_line(board):
    row = measure(board, 1.0)
    assert row["input_bytes_per_second"] / row["cpu_share_of_emulator"] > WANTED.get(board, 25_000)
