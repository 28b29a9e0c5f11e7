"""What a user reads when a board file is wrong, and what a right one gives."""

from pathlib import Path

import pytest

from tinybayes.assets import asset_directory
from tinybayes.boards import CORES, list_boards, load_board
from tinybayes.errors import BoardError

CHIP = """
title = "A chip"
core = "cortex-m4"
fpu = "fpv4-sp-d16"
clock_hz = 1000000
[memory]
flash = "code"
ram = "data"
[regions.code]
kind = "flash"
origin = 0
size_bytes = 0x1000
[regions.data]
kind = "ram"
origin = 0x20000000
size_bytes = 0x1000
[sources]
clock_hz = "datasheet"
regions = "datasheet"
"""
BOARD = """
title = "A board"
vendor = "Somebody"
chip = "chip"
tier = 3
stack_bytes = 512
link_request_bytes = 256
[uart]
driver = "cmsdk_apb"
base = 0x40000000
clock_hz = 1000000
baud = 9600
receive_irq = 3
[sources]
uart = "reference manual"
"""


def write(root: Path, board: str = BOARD, chip: str = CHIP) -> Path:
    (root / "chips").mkdir(exist_ok=True)
    (root / "board.toml").write_text(board)
    (root / "chips" / "chip.toml").write_text(chip)
    return root


def test_a_right_board_and_chip(tmp_path):
    board = load_board("board", write(tmp_path))
    assert (board.name, board.title, board.core, board.clock_hz) == ("board", "A board", "cortex-m4", 1_000_000)
    assert (board.flash.origin, board.flash.size_bytes, board.ram.end) == (0, 0x1000, 0x20001000)
    assert not board.emulated and board.qemu is None


@pytest.mark.parametrize("name", list_boards())
def test_every_board_that_comes_along_loads(name):
    assert load_board(name).name == name


def test_no_chip_lies_about_that_no_board_uses():
    used = {load_board(name).chip.name for name in list_boards()}
    assert used == {path.stem for path in (asset_directory("boards") / "chips").glob("*.toml")}


def test_mps2_an386_is_what_qemu_emulates():
    board = load_board("mps2-an386")
    assert board.gcc_flags == ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-mthumb")
    assert board.qemu is not None and board.qemu.machine == "mps2-an386" and board.emulated
    assert (board.flash.origin, board.flash.size_bytes) == (0, 4 << 20)
    assert (board.ram.origin, board.ram.size_bytes) == (0x20000000, 4 << 20)


def test_an_unknown_board_names_the_nearest():
    with pytest.raises(BoardError, match=r"there is no board 'mps2-an368'\. Did you mean 'mps2-an386'\?"):
        load_board("mps2-an368")


@pytest.mark.parametrize("name", ["../boards/mps2-an386", "chips/an386", "", "MPS2-AN386"])
def test_a_board_is_a_name_and_not_a_path(name):
    with pytest.raises(BoardError, match="there is no board"):
        load_board(name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tier = 3", "tire = 3", r"board\.toml: tier: is missing, wanted an integer"),
        ("tier = 3", "tier = 3\ntire = 3", r"board\.toml: tire: unknown key\. Did you mean 'tier'"),
        ("tier = 3", "tier = 4", r"board\.toml: tier: got 4, wanted 1 to 3"),
        ("tier = 3", "tier = true", r"board\.toml: tier: got True, wanted an integer"),
        ("tier = 3", "tier = 3\ntier = 3", r"board\.toml: not a TOML file: .*line 6"),
        ('vendor = "Somebody"', "vendor = 7", r"board\.toml: vendor: got 7, wanted a text"),
        ('vendor = "Somebody"', 'vendor = " "', r"board\.toml: vendor: is empty"),
        ('chip = "chip"', 'chip = "chips"', r"board\.toml: chip: got 'chips', wanted one of chip\. Did you mean"),
        ("stack_bytes = 512", "stack_bytes = 516", r"stack_bytes: got 516, wanted a multiple of 8"),
        ("stack_bytes = 512", "stack_bytes = 5000", r"stack_bytes: got 5000, wanted 256 to 4096"),
        ('"cmsdk_apb"', '"cmsdk-apb"', r"uart\.driver: got 'cmsdk-apb', wanted one of cmsdk_apb\. Did you mean"),
        ("baud = 9600", "baud = 115200", r"uart\.baud: got 115200, wanted at most clock_hz / 16 \(62500\)"),
        ("receive_irq = 3", "receive_irq = 3\nparity = 1", r"uart\.parity: unknown key"),
        ('uart = "reference manual"', "", r"uart\.base: has no source"),
        ('uart = "reference manual"', 'uart = "m"\nuarts = "m"', r"sources\.uarts: names no number of this file"),
        ("[sources]", "[qemu]\nmachine = 'x'\narguments = [1]\n[sources]", r"qemu\.arguments: got \[1\]"),
    ],
)
def test_a_wrong_board_file_is_one_clear_error(tmp_path, old, new, message):
    assert old in BOARD
    with pytest.raises(BoardError, match=message):
        load_board("board", write(tmp_path, board=BOARD.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cortex-m4", "cortex-m5", r"chip\.toml: core: got 'cortex-m5', wanted one of cortex-m0, .*Did you mean"),
        ("fpv4-sp-d16", "none", r"chip\.toml: fpu: got 'none', but cortex-m4 is compiled for 'fpv4-sp-d16'"),
        ("0x20000000", "0x800", r"regions\.data: starts at 0x00000800, inside code, which ends at 0x00001000"),
        ('ram = "data"', 'ram = "date"', r"memory\.ram: got 'date', wanted one of code, data\. Did you mean 'data'"),
        ('ram = "data"', 'ram = "code"', r"memory\.ram: got 'code', which is flash, wanted a ram region"),
        ("0x20000000", "0x1_0000_0000", r"regions\.data\.origin: got 4294967296, wanted 0 to"),
        ("[regions.data]", "[regions.code]", r"chip\.toml: not a TOML file"),
        ('kind = "ram"', 'kind = "ram"\nbanks = 2', r"regions\.data\.banks: unknown key"),
        ('clock_hz = "datasheet"', "", r"chip\.toml: clock_hz: has no source"),
    ],
)
def test_a_wrong_chip_file_is_one_clear_error(tmp_path, old, new, message):
    assert old in CHIP
    with pytest.raises(BoardError, match=message):
        load_board("board", write(tmp_path, chip=CHIP.replace(old, new)))


def test_cores_are_compiled_as_the_contract_says():
    assert {core.short_name: " ".join(core.gcc_flags) for core in CORES.values()} == {
        "m0": "-mcpu=cortex-m0 -mthumb",
        "m0plus": "-mcpu=cortex-m0plus -mthumb",
        "m3": "-mcpu=cortex-m3 -mthumb",
        "m4": "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16 -mthumb",
        "m7": "-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-sp-d16 -mthumb",
        "m33": "-mcpu=cortex-m33 -mfloat-abi=hard -mthumb",
        "m55": "-mcpu=cortex-m55 -mfloat-abi=hard -mthumb",
    }
