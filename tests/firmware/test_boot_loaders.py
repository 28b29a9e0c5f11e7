"""Images of real boards on the way into their boot loaders: their machine code on an emulated core, with a ROM that
does as the documents say and registers that remember what was written."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm_const as names

from tests.golden.networks import three_formats
from tinybayes.boards import Board, list_boards, load_board
from tinybayes.emit.firmware import firmware_files
from tinybayes.pipeline import compile_network

PAGE = 0x1000
AIRCR, VTOR = 0xE000ED0C, 0xE000ED08
RESET_BY_SOFTWARE = 0x05FA0004
BOOT_ROM, FIND, ENTER = 0x0, 0x401, 0x801
"""Where the Picos have their ROM, and where this one has the function that finds functions and the one looked for."""

MODELS = {
    "cortex-m0plus": names.UC_CPU_ARM_CORTEX_M0,
    "cortex-m4": names.UC_CPU_ARM_CORTEX_M4,
    "cortex-m7": names.UC_CPU_ARM_CORTEX_M7,
    "cortex-m33": names.UC_CPU_ARM_CORTEX_M33,
}
WITH_BOOT_LOADER = [board for board in map(load_board, list_boards()) if board.boot_loader is not None]


class Silicon:
    """A board's image in its memories. ``writes`` are those to registers, in their order, as (address, value)."""

    def __init__(self, elf: Path, board: Board) -> None:
        self.machine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.machine.ctl_set_cpu_model(MODELS[board.core])
        self.writes: list[tuple[int, int]] = []
        self.board = board
        with elf.open("rb") as file:
            image = ELFFile(file)
            self.symbols = {s.name: s["st_value"] for s in image.get_section_by_name(".symtab").iter_symbols()}
            self.machine.mem_map(board.chip.flash.origin, board.chip.flash.size_bytes)
            self.machine.mem_map(board.ram.origin, -(-board.ram.size_bytes // PAGE) * PAGE)
            for segment in image.iter_segments():
                if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]:
                    self.machine.mem_write(segment["p_paddr"], segment.data())
        for base in (0xE000E000, 0x40000000, 0x40010000, 0x40021000):
            self.machine.mem_map(base, PAGE)
            self.machine.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._written, begin=base, end=base + PAGE - 1)

    def _written(self, machine: unicorn.Uc, access: int, address: int, size: int, value: int, data: object) -> None:
        self.writes.append((address, value & 0xFFFFFFFF))
        if address == AIRCR:
            machine.emu_stop()

    def run(self, symbol: str, until: int = 0) -> int:
        """From the start of a function, with a fresh stack, to the address ``until`` or to a reset; where it stands."""
        self.machine.reg_write(names.UC_ARM_REG_SP, self.symbols["image_stack_top"])
        self.machine.emu_start(self.symbols[symbol] | 1, until & ~1, 0, 1_000_000)
        return int(self.machine.reg_read(names.UC_ARM_REG_PC))

    def registers(self, *which: int) -> tuple[int, ...]:
        return tuple(self.machine.reg_read(register) for register in which)


@pytest.fixture(scope="module")
def silicon(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Silicon]:
    images: dict[str, Path] = {}

    def on(name: str) -> Silicon:
        board = load_board(name)
        if name not in images:
            images[name] = compile_network(three_formats(), board, tmp_path_factory.mktemp(name) / "out").build()
        return Silicon(images[name], board)

    return on


def by_method(method: str, quick: set[str]) -> list[object]:
    names = [board.name for board in WITH_BOOT_LOADER if board.boot_loader and board.boot_loader.method == method]
    assert quick <= set(names)
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]


@pytest.mark.parametrize(
    "name", by_method("stm32_system_memory", {"nucleo-g071rb", "nucleo-l476rg", "nucleo-u575zi-q", "nucleo-h743zi"})
)
def test_an_stm32_resets_and_goes_straight_to_its_system_memory_once(name: str, silicon) -> None:
    chip = silicon(name)
    loader = chip.board.boot_loader
    chip.run("chip_enter_boot_loader")
    assert chip.writes == [(AIRCR, RESET_BY_SOFTWARE)]

    chip.writes.clear()
    stack, entry = 0x20001000, (loader.address & ~0xFFF) + 0xF00
    chip.machine.mem_map(loader.address & ~0xFFF, PAGE)
    chip.machine.mem_write(loader.address, struct.pack("<II", stack, entry | 1))
    assert chip.run("reset_handler", until=entry) == entry
    assert chip.registers(names.UC_ARM_REG_SP) == (stack,)
    # Nothing is touched on the way but what the record says, so the boot loader finds the chip as a reset leaves it.
    assert chip.writes == [*((step.address, step.value) for step in loader.setup), (VTOR, loader.address)]

    assert chip.run("reset_handler", until=chip.symbols["setup_run"]) == chip.symbols["setup_run"] & ~1


def test_an_stm32_that_was_not_asked_starts_its_image(silicon) -> None:
    chip = silicon("nucleo-g071rb")
    assert chip.run("reset_handler", until=chip.symbols["setup_run"]) == chip.symbols["setup_run"] & ~1
    assert chip.board.boot_loader.address not in dict(chip.writes).values()


def test_an_arduino_tells_its_boot_loader_by_a_register_and_resets(silicon) -> None:
    chip = silicon("nano33ble")
    chip.run("chip_enter_boot_loader")
    assert chip.writes == [(0x4000051C, 0xB0), (AIRCR, RESET_BY_SOFTWARE)]


@pytest.mark.parametrize(
    ("name", "pointers", "wanted", "found"),
    [
        # 0x14: the table, 0x18: the function; code 'U' 'B', then no pins and no interfaces left out
        ("pico", {0x14: 0x123, 0x18: FIND}, (0x123, 0x4255), (0, 0)),
        # 0x16: the function; code 'R' 'B' for a secure caller, then BOOTSEL without return, 10 ms, nothing left out
        ("pico2", {0x16: FIND}, (0x4252, 0x0004), (0x0102, 10, 0, 0)),
    ],
)
def test_a_pico_asks_its_rom(name: str, pointers: dict[int, int], wanted, found, silicon) -> None:
    chip = silicon(name)
    chip.machine.mem_map(BOOT_ROM, PAGE)
    for address, value in pointers.items():
        chip.machine.mem_write(address, struct.pack("<H", value))
    # find: ldr r0, [pc, #0]; bx lr; the address of the function
    chip.machine.mem_write(FIND & ~1, struct.pack("<HHI", 0x4800, 0x4770, ENTER))
    asked: list[tuple[int, ...]] = []

    def at_find(machine: unicorn.Uc, address: int, size: int, data: object) -> None:
        asked.append(chip.registers(names.UC_ARM_REG_R0, names.UC_ARM_REG_R1))

    chip.machine.hook_add(unicorn.UC_HOOK_CODE, at_find, begin=FIND & ~1, end=FIND & ~1)
    assert chip.run("chip_enter_boot_loader", until=ENTER) == ENTER & ~1
    assert asked == [wanted]
    arguments = (names.UC_ARM_REG_R0, names.UC_ARM_REG_R1, names.UC_ARM_REG_R2, names.UC_ARM_REG_R3)
    assert chip.registers(*arguments[: len(found)]) == found
    assert not chip.writes


def test_every_board_says_what_its_file_says() -> None:
    """A newcomer finds in board.h and in the list of sources whether and how, whatever the board."""
    for board in map(load_board, list_boards()):
        made = firmware_files(board, network_name="toy", network_digest=bytes(16), protocol="frames")
        method = "none" if board.boot_loader is None else board.boot_loader.method
        assert f"#define BOARD_HAS_BOOT_LOADER {int(method != 'none')}\n" in made["firmware/board.h"]
        assert [path for path in made if "boot_loader_" in path] == [f"firmware/boot_loader_{method}.c"]
    assert {board.boot_loader.method for board in WITH_BOOT_LOADER if board.boot_loader} == {
        "nrf_gpregret", "rp2040_rom", "rp2350_rom", "stm32_system_memory",
    }  # fmt: skip


def test_a_bare_image_has_no_way_into_a_boot_loader() -> None:
    board = load_board("nucleo-l476rg")
    for protocol in ("none", "mlperf"):
        made = firmware_files(board, network_name="toy", network_digest=bytes(16), protocol=protocol)
        assert not [path for path in made if "boot_loader_" in path]
        assert "IMAGE_ENTERS_BOOT_LOADER" not in made["CMakeLists.txt"]
