"""The way into a boot loader as far as QEMU goes: request, reset, hand-over, on the cores that it emulates."""

import dataclasses
import shutil
import socket
import struct
from pathlib import Path

import pytest

from tests.emulated.conftest import TOY, build_project
from tests.emulated.toy_network.toy_reference import toy_golden_vectors
from tinybayes.boards import BootLoader, load_board
from tinybayes.emit.firmware import firmware_files
from tinybayes.hil.frames import Frame, Kind, decode_frame, encode_frame
from tinybayes.run.qemu import Emulator

pytestmark = pytest.mark.emulated
SYSTEM_MEMORY = 0x0030_0000
"""In the flash of the machine, far behind the image: there is no boot ROM that QEMU knows."""

WORDS = b"BOOT LOADER HERE"


def boot_loader(stack: int, uart: int, baud_divisor: int) -> bytes:
    """A program that starts the CMSDK UART anew and sends WORDS: vectors, code, numbers, text."""
    code = struct.pack(
        "<14H",
        0x4807,  # 08  ldr r0, [pc, #28]     the UART
        0x2101,  # 0a  movs r1, #1
        0x6081,  # 0c  str r1, [r0, #8]      CTRL: transmit
        0x4907,  # 0e  ldr r1, [pc, #28]
        0x6101,  # 10  str r1, [r0, #16]     BAUDDIV
        0x4A07,  # 12  ldr r2, [pc, #28]     the text
        0x7813,  # 14  ldrb r3, [r2, #0]
        0x2B00,  # 16  cmp r3, #0
        0xD0FE,  # 18  beq .                 all is said
        0x6844,  # 1a  ldr r4, [r0, #4]      STATE
        0x07E4,  # 1c  lsls r4, r4, #31      full?
        0xD1FC,  # 1e  bne 1a
        0x6003,  # 20  str r3, [r0, #0]
        0x3201,  # 22  adds r2, #1
    ) + struct.pack("<2H", 0xE7F6, 0x46C0)  # 24  b 14; 26  nop
    numbers = struct.pack("<3I", uart, baud_divisor, SYSTEM_MEMORY + 8 + len(code) + 12)
    return struct.pack("<2I", stack, (SYSTEM_MEMORY + 8) | 1) + code + numbers + WORDS + b"\0"


@pytest.mark.parametrize("name", ["mps2-an385", "mps2-an386", "mps2-an500"])
def test_the_boot_loader_gets_the_chip_after_the_answer_is_out(name: str, tmp_path: Path) -> None:
    base = load_board(name)
    board = dataclasses.replace(
        base, boot_loader=BootLoader("stm32_system_memory", "its words", "this test", address=SYSTEM_MEMORY)
    )
    files = firmware_files(
        board, network_name="toy", network_digest=bytes(16), protocol="frames", golden_vectors=toy_golden_vectors()
    )
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    shutil.copytree(TOY, tmp_path / "network", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    build_project(tmp_path)
    (tmp_path / "rom.bin").write_bytes(boot_loader(0x2000_1000, board.uart.base, 217))
    loader = f"loader,file={tmp_path / 'rom.bin'},addr={SYSTEM_MEMORY:#x},force-raw=on"
    emulator = Emulator(tmp_path / "build" / "toy.elf", board, extra_arguments=("-device", loader), restarts=True)
    try:
        host, port = emulator.url.removeprefix("socket://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as line:
            line.sendall(encode_frame(Frame(Kind.BOOT_LOADER, 7)))
            received = b""
            while WORDS not in received:
                received += line.recv(1000)
    finally:
        emulator.close()
    frames = [decode_frame(piece) for piece in received.partition(WORDS)[0].split(b"\0") if piece]
    assert Frame(Kind.BOOT_LOADER | Kind.REPLY, 7) in frames, "the answer is out before the reset"
    # Nothing of ours speaks after the answer: the reset went straight to the boot loader.
    assert [frame for frame in frames if frame is not None][-1].kind == Kind.BOOT_LOADER | Kind.REPLY
