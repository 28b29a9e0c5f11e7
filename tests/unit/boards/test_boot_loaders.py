"""Boot loaders in board and chip files: what a right one gives, and what a user reads when one is wrong."""

import pytest

from tests.unit.boards.test_board_files import BOARD, CHIP, write
from tinybayes.boards import load_board
from tinybayes.errors import BoardError

IN_ROM = """
[boot_loader]
method = "stm32_system_memory"
address = 0x1FFF_0000
offers = "USB DFU"
source = "AN0000"
"""
STEP = """
[[boot_loader.setup]]
name = "MEMRMP"
source = "RM0000"
address = 0x4001_0000
set = 1
"""
OF_THE_BOARD = '\n[boot_loader]\nmethod = "nrf_gpregret"\nmagic = 0x57\noffers = "a drive"\nsource = "its README"\n'


def test_the_boot_loader_of_the_chip_is_that_of_its_boards(tmp_path):
    loader = load_board("board", write(tmp_path, BOARD, CHIP + IN_ROM + STEP)).boot_loader
    assert loader is not None and loader.at_reset
    assert (loader.method, loader.address, loader.magic) == ("stm32_system_memory", 0x1FFF_0000, None)
    assert (loader.offers, loader.source) == ("USB DFU", "AN0000")
    assert [(step.name, step.address, step.value) for step in loader.setup] == [("MEMRMP", 0x4001_0000, 1)]


def test_a_board_may_bring_its_own(tmp_path):
    board = load_board("board", write(tmp_path, BOARD + OF_THE_BOARD, CHIP + IN_ROM))
    assert board.boot_loader is not None and (board.boot_loader.method, board.boot_loader.magic) == (
        "nrf_gpregret",
        0x57,
    )
    assert not board.boot_loader.at_reset
    assert board.chip.boot_loader is not None and board.chip.boot_loader.method == "stm32_system_memory"


def test_none_is_no_error(tmp_path):
    assert load_board("board", write(tmp_path)).boot_loader is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stm32_system_memory", "stm32_system_memroy", r"method: got .*Did you mean 'stm32_system_memory'"),
        ("address = 0x1FFF_0000\n", "", r"boot_loader\.address: is missing, wanted an integer"),
        ("0x1FFF_0000", "0x1FFF_0001", r"boot_loader\.address: got 0x1fff0001, wanted a multiple of 128"),
        ("0x1FFF_0000", "0x1_0000_0000", r"boot_loader\.address: got 4294967296, wanted 0 to 4294967295"),
        ("address", "magic = 1\naddress", r"boot_loader\.magic: unknown key"),
        ('offers = "USB DFU"\n', "", r"boot_loader\.offers: is missing, wanted a text"),
        ('source = "AN0000"\n', "", r"boot_loader\.source: is missing, wanted a text"),
    ],
)
def test_a_wrong_one_is_one_clear_error(tmp_path, old, new, message):
    with pytest.raises(BoardError, match=rf"chip\.toml: .*{message}"):
        load_board("board", write(tmp_path, BOARD, CHIP + IN_ROM.replace(old, new)))


def test_steps_are_only_for_the_method_that_carries_them_out(tmp_path):
    with pytest.raises(BoardError, match=r"setup: method 'nrf_gpregret' carries out no steps, wanted none"):
        load_board("board", write(tmp_path, BOARD + OF_THE_BOARD + STEP))
