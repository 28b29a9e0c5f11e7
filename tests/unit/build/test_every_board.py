"""A small network built for every board there is, with and without the link, and what lies where in the images."""

import struct
from dataclasses import dataclass
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tests.golden.networks import three_formats
from tinybayes.boards import Board, list_boards, load_board
from tinybayes.build.cmake import build_firmware
from tinybayes.emit.image_header import BOOT2_BYTES
from tinybayes.pipeline import compile_network


@dataclass(frozen=True)
class Image:
    """What flash holds, from the start of the board's part of it, and where symbols are."""

    flash: bytes
    symbols: dict[str, int]
    entry: int
    stack: range


def read_image(elf: Path, board: Board) -> Image:
    with elf.open("rb") as file:
        image = ELFFile(file)
        flash = bytearray()
        for segment in image.iter_segments():
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]:
                start = segment["p_paddr"] - board.flash.origin
                assert start >= 0 and start + segment["p_filesz"] <= board.flash.size_bytes, "loaded outside of flash"
                flash.extend(bytes(max(0, start + segment["p_filesz"] - len(flash))))
                flash[start : start + segment["p_filesz"]] = segment.data()
        symbols = {s.name: s["st_value"] for s in image.get_section_by_name(".symtab").iter_symbols()}
        stack = image.get_section_by_name(".stack")
        assert stack is not None
        return Image(
            bytes(flash), symbols, image["e_entry"], range(stack["sh_addr"], stack["sh_addr"] + stack["sh_size"])
        )


def crc32_mpeg2(data: bytes) -> int:
    """The boot ROM's checksum by another way than the product's: long division of the whole as one number."""
    # Beginning with all ones is the same as inverting the first four bytes; four zero bytes make room for the rest.
    number = int.from_bytes(bytes(b ^ 0xFF for b in data[:4]) + data[4:] + bytes(4), "big")
    for bit in range(number.bit_length() - 1, 31, -1):
        if number >> bit & 1:
            number ^= 0x1_04C1_1DB7 << (bit - 32)
    return number


def all_boards() -> list[object]:
    """Every board; slow are those whose core, serial port and kind of image others have already."""
    seen: set[str] = set()
    parameters: list[object] = []
    for name in list_boards():
        board = load_board(name)
        new = {board.core, board.uart.driver, board.chip.image_header} - seen
        seen |= new
        parameters.append(pytest.param(board, id=name, marks=() if new else pytest.mark.slow))
    return parameters


@pytest.mark.parametrize("board", all_boards())
def test_every_board_builds_and_boots_from_the_right_place(board: Board, tmp_path: Path) -> None:
    deployment = compile_network(three_formats(), board, tmp_path / "out")
    built = deployment.build()
    flash, ram = deployment.record["flash"], deployment.record["ram"]
    assert sum(part["bytes"] for part in flash["parts"]) == flash["image_bytes"]
    assert 128 <= ram["stack_bytes"] < ram["reserved_stack_bytes"] == board.stack_bytes
    for elf in (built, build_firmware(deployment.directory, deployment.name, bench=True)):
        image = read_image(elf, board)
        vectors = BOOT2_BYTES if board.chip.image_header == "rp2040_boot2" else 0
        stack_top, reset = struct.unpack_from("<II", image.flash, vectors)
        assert stack_top == image.symbols["image_stack_top"] == image.stack.stop
        assert reset == image.symbols["reset_handler"] | 1 == image.entry | 1
        assert len(image.stack) == board.stack_bytes
        assert board.ram.origin <= image.stack.start and image.stack.stop <= board.ram.end
        if board.chip.image_header == "rp2040_boot2":
            (checksum,) = struct.unpack_from("<I", image.flash, BOOT2_BYTES - 4)
            assert checksum == crc32_mpeg2(image.flash[: BOOT2_BYTES - 4])
        if board.chip.image_header == "rp2350_image_def":
            start = image.flash.index(struct.pack("<I", 0xFFFFDED3))
            assert start % 4 == 0 and start + 20 <= 4096
            # RP2350 Datasheet, 5.9.5.1
            assert struct.unpack_from("<5I", image.flash, start)[1:] == (0x10210142, 0x1FF, 0, 0xAB123579)
