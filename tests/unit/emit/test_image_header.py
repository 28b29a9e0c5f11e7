"""What boot ROMs want to find: checksums by hand, machine code by the assembler."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tinybayes.boards.load import IMAGE_HEADERS as NAMES
from tinybayes.emit.image_header import BOOT2_BYTES, IMAGE_HEADERS, boot_crc32


def test_every_header_that_a_chip_may_name_is_there():
    assert {"none", *IMAGE_HEADERS} == set(NAMES)


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0xFFFFFFFF),
        # By hand, a zero bit at a time: shift left, and where a one falls out, exclusive or with 0x04C11DB7:
        # FFFFFFFF -> FB3EE249 -> F2BCD925 -> E1B8AFFD -> C7B0424D -> 8BA1992D -> 13822FED -> 27045FDA -> 4E08BFB4
        (b"\x00", 0x4E08BFB4),
        # A byte of ones empties the highest byte; eight zero bits then only shift: FFFFFFFF -> 00FFFFFF -> FFFFFF00
        (b"\xff", 0xFFFFFF00),
        # The check value of this CRC (CRC-32/MPEG-2) in Ross Williams's parametrised model
        (b"123456789", 0x0376E6E7),
    ],
)
def test_the_checksum_of_rp2040s_boot_rom(data, checksum):
    assert boot_crc32(data) == checksum


def test_the_second_stage_is_256_bytes_that_end_in_their_checksum():
    content = IMAGE_HEADERS["rp2040_boot2"].content
    assert len(content) == BOOT2_BYTES
    assert int.from_bytes(content[-4:], "little") == boot_crc32(content[:-4])
    # With the checksum behind it, most significant byte first, the remainder of any data is 0.
    assert boot_crc32(content[:-4] + content[:-5:-1]) == 0


def test_the_second_stage_is_the_code_that_it_says_it_is(tmp_path: Path):
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    rows = IMAGE_HEADERS["rp2040_boot2"].rows
    code = [row for row in rows if re.match(r"(ldr|str|movs|msr|bx|nop)\b", row.comment)]
    assert len(code) == 21
    lines = [".syntax unified", ".thumb", *(re.split(r"\s{2,}", row.comment)[0] for row in code)]
    (tmp_path / "boot2.s").write_text("\n".join(lines) + "\n")
    for command in (
        ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-c", "boot2.s", "-o", "boot2.o"],
        ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", "boot2.o", "boot2.bin"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
    machine = b"".join(row.content for row in code)
    assert (tmp_path / "boot2.bin").read_bytes() == machine
    assert IMAGE_HEADERS["rp2040_boot2"].content.startswith(machine)


def test_each_load_of_the_second_stage_finds_its_word():
    """``ldr rX, [pc, #n]`` reads from the address of the instruction plus 4, rounded down to a word, plus n."""
    content = IMAGE_HEADERS["rp2040_boot2"].content
    words = []
    at = 0
    for row in IMAGE_HEADERS["rp2040_boot2"].rows:
        if load := re.match(r"ldr r\d, \[pc, #(\d+)\]", row.comment):
            words.append(int.from_bytes(content[(at + 4 & ~3) + int(load[1]) :][:4], "little"))
        at += len(row.content)
    # XIP_SSI_BASE, CTRLR0, SPI_CTRLR0, XIP_BASE + 256, VTOR: RP2040 Datasheet, 2.2 and 4.10.13
    assert words == [0x18000000, 0x001F0300, 0x03000218, 0x10000100, 0xE000ED08]


def test_rp2350s_block_is_the_minimum_of_its_datasheet():
    header = IMAGE_HEADERS["rp2350_image_def"]
    assert header.section == ".image_def"
    assert header.content == bytes.fromhex("d3deffff 42012110 ff010000 00000000 793512ab")
