"""Set-up steps in board and chip files: what a right one gives, and what a user reads when one is wrong."""

from pathlib import Path

import pytest

from tests.unit.boards.test_board_files import BOARD, CHIP, write
from tinybayes.boards import load_board
from tinybayes.errors import BoardError

STEP = """
[[setup]]
name = "RCC_CR: HSION"
source = "RM0000 Rev 1, RCC_CR"
address = 0x40021000
"""


def load(root: Path, chip: str = "", board: str = ""):
    return load_board("board", write(root, BOARD + board, CHIP + chip))


def test_the_four_operations(tmp_path):
    steps = load(
        tmp_path,
        chip=STEP + "clear = 0xF0\nset = 0x20\n" + STEP + "write = 7\nwidth_bits = 16\n",
        board=STEP + "wait_mask = 4\nwait_value = 0\n" + STEP + "read_times = 50\n",
    ).setup_steps
    assert [(s.operation, s.mask, s.value, s.width_bits) for s in steps] == [
        ("change", 0xF0, 0x20, 32),
        ("write", 0xFFFF, 7, 16),
        ("wait", 4, 0, 32),
        ("read", 0, 50, 32),
    ]
    assert {(s.name, s.source, s.address) for s in steps} == {("RCC_CR: HSION", "RM0000 Rev 1, RCC_CR", 0x40021000)}


def test_bits_that_are_set_need_not_be_cleared_too(tmp_path):
    (step,) = load(tmp_path, chip=STEP + "set = 0x100").setup_steps
    assert (step.mask, step.value) == (0x100, 0x100)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (STEP, r"setup\[1\]\.name: step 'RCC_CR: HSION' does nothing, wanted one of: clear and set; write; "),
        (STEP + "set = 1\nwrite = 1", r"setup\[1\]\.name: step 'RCC_CR: HSION' does change and write, wanted one of"),
        (STEP + "set = 0x1_0000_0000", r"setup\[1\]\.set: got 4294967296, wanted 0 to 4294967295"),
        (STEP + "set = 256\nwidth_bits = 8", r"setup\[1\]\.set: got 256, wanted 0 to 255"),
        (STEP + "set = 1\nwidth_bits = 12", r"setup\[1\]\.width_bits: got 12, wanted one of 8, 16, 32"),
        (STEP + "wait_mask = 1\nwait_value = 2", r"setup\[1\]\.wait_value: got 0x2, which no value has in the bits of"),
        (STEP + "wait_value = 2", r"setup\[1\]\.wait_value: got 0x2, which no value has in the bits of wait_mask, 0x0"),
        (STEP + "read_times = 2_000_000", r"setup\[1\]\.read_times: got 2000000, wanted 0 to 1000000"),
        (STEP + "set = 1\nsett = 1", r"setup\[1\]\.sett: unknown key\. Did you mean 'set'"),
        (STEP + "set = 1" + STEP, r"setup\[2\]\.name: step 'RCC_CR: HSION' does nothing"),
        (STEP.replace("source", "sources") + "set = 1", r"setup\[1\]\.source: is missing, wanted a text"),
        (STEP.replace('"RM0000 Rev 1, RCC_CR"', '""') + "set = 1", r"setup\[1\]\.source: is empty"),
        (
            STEP.replace("HSION", "*/") + "set = 1",
            r"setup\[1\]\.name: got 'RCC_CR: \*/', wanted one line of text without",
        ),
        (STEP.replace("Rev 1", "\\n") + "set = 1", r"setup\[1\]\.source: got .*, wanted one line of text"),
        (STEP.replace("0x40021000", "0x40021002") + "set = 1", r"setup\[1\]\.address: got 0x40021002, wanted a multi"),
        ("\n[setup]\nname = 'x'", r"chip\.toml: setup: got .*, wanted an array of tables"),
    ],
)
def test_a_wrong_step_is_one_clear_error(tmp_path, step, message):
    with pytest.raises(BoardError, match=message):
        load(tmp_path, chip=step)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tier = 3", "tier = 3\nboot_loader_bytes = 1024", r"boot_loader_bytes: has no source"),
        ("tier = 3", "tier = 3\nboot_loader_bytes = 100", r"boot_loader_bytes: got 100, wanted a multiple of 1024"),
        ("tier = 3", "tier = 3\nboot_loader_bytes = 4096", r"boot_loader_bytes: got 4096, wanted 0 to 4095"),
        ("baud = 9600", "baud = 9600\nreset_clock_hz = 2_000_000", r"reset_clock_hz: got 2000000, wanted 1 to 1000000"),
        ("baud = 9600", "baud = 9600\ndivisor_steps = 0", r"divisor_steps: got 0, wanted 1 to 256"),
    ],
)
def test_a_wrong_number_of_a_board(tmp_path, old, new, message):
    with pytest.raises(BoardError, match=message):
        load_board("board", write(tmp_path, board=BOARD.replace(old, new)))


def test_a_boot_loader_takes_the_start_of_flash(tmp_path):
    text = BOARD.replace("tier = 3", "tier = 3\nboot_loader_bytes = 1024") + 'boot_loader_bytes = "manual"\n'
    board = load_board("board", write(tmp_path, board=text))
    assert (board.flash.origin, board.flash.size_bytes, board.flash.end) == (0x400, 0xC00, board.chip.flash.end)


def test_an_unknown_image_header_names_the_nearest(tmp_path):
    chip = CHIP.replace('core = "cortex-m4"', 'core = "cortex-m4"\nimage_header = "rp2040_boot3"')
    with pytest.raises(BoardError, match=r"image_header: got 'rp2040_boot3', .*Did you mean 'rp2040_boot2'"):
        load_board("board", write(tmp_path, chip=chip))
