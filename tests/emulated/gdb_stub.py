"""Just enough of GDB's remote protocol to stop an emulated image at a function and read its memory."""

import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tinybayes.boards import Board

_SECONDS = 20.0


class Stub:
    """QEMU's own GDB server, with ``elf`` loaded and stopped before its first instruction."""

    def __init__(self, elf: Path, board: Board, work: Path, extra_arguments: Sequence[str] = ()) -> None:
        assert board.qemu is not None
        path = work / "gdb"
        command = ["qemu-system-arm", "-M", board.qemu.machine, *board.qemu.arguments, *extra_arguments]
        command += ["-display", "none", "-monitor", "none", "-serial", "null", "-S", "-kernel", str(elf)]
        self._process = subprocess.Popen([*command, "-gdb", f"unix:{path},server=on,wait=off"])
        deadline = time.monotonic() + _SECONDS
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_SECONDS)
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError:
                assert time.monotonic() < deadline, "QEMU opened no GDB server"
                time.sleep(0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait(_SECONDS)

    def write(self, address: int, data: bytes) -> None:
        for start in range(0, len(data), 512):
            piece = data[start : start + 512]
            assert self._ask(f"M{address + start:x},{len(piece):x}:{piece.hex()}") == "OK"

    def read(self, address: int, size_bytes: int) -> bytes:
        pieces = [
            bytes.fromhex(self._ask(f"m{address + start:x},{min(512, size_bytes - start):x}"))
            for start in range(0, size_bytes, 512)
        ]
        return b"".join(pieces)

    def run_to(self, address: int) -> None:
        assert self._ask(f"Z0,{address:x},2") == "OK"
        assert self._ask("c").startswith(("T05", "S05"))

    def _ask(self, text: str) -> str:
        body = text.encode("ascii")
        self._socket.sendall(b"$" + body + b"#%02x" % (sum(body) % 256))
        reply = b""
        while b"#" not in reply or len(reply.partition(b"#")[2]) < 2:
            received = self._socket.recv(65536)
            assert received, "QEMU closed its GDB server"
            reply += received.lstrip(b"+") if not reply else received
        self._socket.sendall(b"+")
        return reply.partition(b"$")[2].partition(b"#")[0].decode("ascii")
