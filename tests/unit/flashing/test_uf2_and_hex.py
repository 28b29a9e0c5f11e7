"""The files that boot loaders and interface chips take, read by their specifications and by other programs."""

import struct
import subprocess

import pytest

from tinybayes.errors import InternalError, ToolError
from tinybayes.flashing.elf import flash_image, intel_hex
from tinybayes.flashing.uf2 import make_uf2

RP2040 = 0xE48B_FF56


def read_uf2(data: bytes) -> tuple[int, bytes, set[int]]:
    """Address, image and families, by the table under "File format" of the specification."""
    assert len(data) % 512 == 0
    image = b""
    families = set()
    start = None
    for number in range(len(data) // 512):
        block = data[512 * number : 512 * (number + 1)]
        magic0, magic1, flags, address, payload, index, count, family = struct.unpack_from("<8I", block)
        assert (magic0, magic1) == (0x0A324655, 0x9E5D5157)
        assert struct.unpack_from("<I", block, 508) == (0x0AB16F30,)
        assert flags == 0x2000 and payload == 256
        assert (index, count) == (number, len(data) // 512)
        start = address if start is None else start
        assert address == start + len(image) and address % 256 == 0
        assert not any(block[32 + payload : 508])
        image += block[32 : 32 + payload]
        families.add(family)
    assert start is not None
    return start, image, families


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000])
def test_a_uf2_file_says_what_and_where(size):
    image = bytes(k % 251 for k in range(size))
    address, found, families = read_uf2(make_uf2(image, 0x1000_0000, RP2040))
    assert address == 0x1000_0000 and families == {RP2040}
    assert found[:size] == image and not any(found[size:]) and len(found) == -(-size // 256) * 256


def test_uf2_begins_with_its_name():
    assert make_uf2(b"x", 0, RP2040)[:4] == b"UF2\n"


@pytest.mark.parametrize(("image", "address"), [(b"", 0), (b"x", 128)])
def test_what_cannot_be_uf2_is_our_mistake(image, address):
    with pytest.raises(InternalError, match="cannot be made into UF2"):
        make_uf2(image, address, RP2040)


def test_hex_of_a_known_row():
    # A row that every description of the format has: 16 bytes at 0100 with the checksum 40.
    row = bytes.fromhex("214601360121470136007EFE09D21901")
    assert intel_hex(0x100, row).splitlines() == [
        ":020000040000FA",
        ":10010000214601360121470136007EFE09D2190140",
        ":00000001FF",
    ]


@pytest.mark.parametrize(("address", "size"), [(0, 40), (0x0800_FFF8, 40), (0x1000_0000, 70_000)])
def test_hex_is_what_objcopy_reads(tmp_path, address, size):
    image = bytes(k * 7 % 253 for k in range(size))
    (tmp_path / "a.hex").write_text(intel_hex(address, image))
    subprocess.run(
        ["arm-none-eabi-objcopy", "-I", "ihex", "-O", "binary", tmp_path / "a.hex", tmp_path / "a.bin"], check=True
    )
    assert (tmp_path / "a.bin").read_bytes() == image


def test_the_image_of_an_elf_is_what_objcopy_makes(tmp_path):
    (tmp_path / "a.c").write_text("const int table[5] = {1, 2, 3}; int _start(void) { return table[1]; }")
    subprocess.run(
        ["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m0", "-nostdlib",
         "-Ttext=0x08000000", "-n", "-o", "a.elf", "a.c"],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "a.elf", "a.bin"], cwd=tmp_path, check=True)
    address, image = flash_image(tmp_path / "a.elf")
    assert address == 0x0800_0000 and image == (tmp_path / "a.bin").read_bytes()


def test_no_elf(tmp_path):
    with pytest.raises(ToolError, match=r"a\.elf is not there; build it first"):
        flash_image(tmp_path / "a.elf")
    (tmp_path / "a.elf").write_bytes(b"nothing")
    with pytest.raises(ToolError, match=r"a\.elf cannot be read: .*; build it again"):
        flash_image(tmp_path / "a.elf")
