"""What a user reads when a board file is wrong, and what a right one gives."""

import subprocess
from pathlib import Path

import pytest

from tinybayes.assets import asset_directory
from tinybayes.boards import CORES, ChipTimer, FlashTiming, list_boards, load_board
from tinybayes.boards.load import uart_drivers
from tinybayes.errors import BoardError

CHIP = """
title = "A chip"
core = "cortex-m4"
fpu = "fpv4-sp-d16"
clock_hz = 1000000
cycle_counters = ["dwt", "systick"]
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
[flash_timing]
read_bits = 128
wait_states = 5
prefetch = true
cache_line_bytes = 16
cache_lines = 64
[sources]
clock_hz = "datasheet"
regions = "datasheet"
flash_timing = "reference manual"
"""
BOARD = """
title = "A board"
vendor = "Somebody"
chip = "chip"
tier = 3
stack_bytes = 1024
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
    assert board.chip.flash_timing == FlashTiming(128, 5, True, 16, 64)
    assert board.chip.cycle_counters == ("dwt", "systick") and board.chip.cycle_timer is None


def test_a_chip_without_the_unit_of_its_core_is_compiled_without_it(tmp_path):
    board = load_board("board", write(tmp_path, chip=CHIP.replace("fpv4-sp-d16", "none")))
    assert board.gcc_flags == ("-mcpu=cortex-m4+nofp", "-mthumb")


@pytest.mark.parametrize("core", CORES.values(), ids=CORES)
def test_without_the_unit_gcc_makes_no_use_of_it(core):
    command = ["arm-none-eabi-gcc", *core.gcc_flags_without_fpu, "-dM", "-E", "-x", "c", "/dev/null"]
    macros = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "__ARM_FP " not in macros and "__ARM_FEATURE_MVE" not in macros


def test_a_timer_of_the_chip_has_an_address_and_a_clock(tmp_path):
    timer = '["dwt", "nrf_timer"]\n[cycle_timer]\nbase = 0x40008000\nclock_hz = 500000\n'
    chip = CHIP.replace('["dwt", "systick"]', timer).replace("[sources]", '[sources]\ncycle_timer = "manual"')
    assert load_board("board", write(tmp_path, chip=chip)).chip.cycle_timer == ChipTimer(0x40008000, 500_000)


def test_a_small_core_may_have_the_small_multiplier(tmp_path):
    assert load_board("board", write(tmp_path)).chip.multiplier_cycles == 1
    small = CHIP.replace("cortex-m4", "cortex-m0plus").replace("fpv4-sp-d16", "none").replace('"dwt", ', "")
    small = small.replace("[memory]", "multiplier_cycles = 32\n[memory]", 1)
    sourced = small.replace("[sources]", '[sources]\nmultiplier_cycles = "datasheet"')
    assert load_board("board", write(tmp_path, chip=sourced)).chip.multiplier_cycles == 32
    with pytest.raises(BoardError, match="multiplier_cycles: has no source"):
        load_board("board", write(tmp_path, chip=small))
    with pytest.raises(BoardError, match="multiplier_cycles: got 16, wanted 1 or 32"):
        load_board("board", write(tmp_path, chip=sourced.replace("= 32", "= 16")))
    large = CHIP.replace("[memory]", "multiplier_cycles = 32\n[memory]", 1)
    with pytest.raises(BoardError, match="multiplier_cycles: got 32, but cortex-m4 has a fast multiplier only"):
        load_board("board", write(tmp_path, chip=large))


def test_every_driver_in_the_firmware_can_be_chosen(tmp_path):
    assert "cmsdk_apb" in uart_drivers()
    for driver in uart_drivers():
        assert load_board("board", write(tmp_path, board=BOARD.replace("cmsdk_apb", driver))).uart.driver == driver


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
    with pytest.raises(BoardError, match=r"there is no board 'mps2-an368'\. Did you mean 'mps2-an386' or"):
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
        ("stack_bytes = 1024", "stack_bytes = 1028", r"stack_bytes: got 1028, wanted a multiple of 8"),
        ("stack_bytes = 1024", "stack_bytes = 5000", r"stack_bytes: got 5000, wanted 768 to 4096"),
        ("stack_bytes = 1024", "stack_bytes = 512", r"stack_bytes: got 512, wanted 768 to 4096"),
        ('"cmsdk_apb"', '"cmsdk-apb"', r"uart\.driver: got 'cmsdk-apb', wanted one of .*\. Did you mean"),
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
        ("fpv4-sp-d16", "mve", r"chip\.toml: fpu: got 'mve', but cortex-m4 has 'fpv4-sp-d16' or 'none'"),
        ("prefetch = true", "prefetch = 1", r"flash_timing\.prefetch: got 1, wanted true or false"),
        ("cache_lines = 64", "cache_lines = 0", r"cache_lines: got 0 of 16 bytes, wanted both 0 \(no cache\) or"),
        ("wait_states = 5", "wait_cycles = 5", r"flash_timing\.wait_states: is missing"),
        ('flash_timing = "reference manual"', "", r"flash_timing\.read_bits: has no source"),
        ('"systick"]', '"sys_tick"]', r"cycle_counters: got 'sys_tick', wanted some of dwt, .*Did you mean 'systick'"),
        ('["dwt", "systick"]', "[]", r"cycle_counters: got \[\], wanted at least one"),
        ('"systick"]', '"dwt"]', r"cycle_counters: got \['dwt', 'dwt'\], wanted at least one, and each but once"),
        (
            'core = "cortex-m4"\nfpu = "fpv4-sp-d16"',
            'core = "cortex-m0"\nfpu = "none"',
            r"chip\.toml: cycle_counters: got 'dwt', which cortex-m0 does not have",
        ),
        ('"systick"]', '"nrf_timer"]', r"chip\.toml: cycle_timer: is missing, wanted a table"),
        ('"systick"]', '"systick"]\n[cycle_timer]\nbase = 0', r"chip\.toml: cycle_timer: unknown key"),
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
