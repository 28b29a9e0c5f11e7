"""A fake board: the firmware's own protocol code, built for the host with sanitizers, behind a socket."""

import contextlib
import dataclasses
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.emulated.toy_network.toy_reference import toy_golden_vectors
from tinybayes.boards import load_board
from tinybayes.emit.firmware import firmware_files

DIGEST = bytes(range(100, 116))
REQUEST_BYTES = 400
TOY = Path(__file__).parents[2] / "emulated" / "toy_network"
WARNINGS = (
    "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wsign-conversion",
    "-Wcast-align=strict", "-Wcast-qual", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wundef", "-Wvla",
    "-Wdouble-promotion", "-Werror",
)  # fmt: skip


@pytest.fixture(scope="session")
def board_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Builds the fake board, which takes requests of the given number of bytes."""
    made: dict[int, Path] = {}

    def build(request_bytes: int) -> Path:
        if request_bytes not in made:
            root = tmp_path_factory.mktemp("board")
            board = dataclasses.replace(load_board("mps2-an386"), link_request_bytes=request_bytes)
            for path, text in firmware_files(
                board,
                network_name="toy",
                network_digest=DIGEST,
                protocol="frames",
                golden_vectors=toy_golden_vectors(),
            ).items():
                (root / path).parent.mkdir(exist_ok=True)
                (root / path).write_text(text)
            firmware = root / "firmware"
            subprocess.run(
                [
                    "gcc", "-std=gnu11", "-O1", "-g", "-DTOY_TRACE", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover=all", *WARNINGS, "-I", firmware, "-I", TOY,
                    Path(__file__).with_name("fake_board.c"),
                    *(firmware / f"{name}.c" for name in ("protocol", "inference", "frame", "golden")),
                    *sorted(TOY.glob("*.c")), "-o", root / "fake_board",
                ],
                check=True,
            )  # fmt: skip
            made[request_bytes] = root / "fake_board"
        return made[request_bytes]

    return build


Damage = Callable[[bytes], bytes]


class FakeBoard:
    """A running fake board; ``to_board`` and ``to_host`` may damage what passes."""

    def __init__(self, program: Path, mode: str, to_board: Damage, to_host: Damage) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self.process = subprocess.Popen([program, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._damage = (to_board, to_host)
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        self._connection = connection
        assert self.process.stdin is not None and self.process.stdout is not None
        back = threading.Thread(target=self._pump_back, args=(self.process.stdout.fileno(), connection), daemon=True)
        back.start()
        with connection:
            with contextlib.suppress(ConnectionError):
                while data := connection.recv(4096):
                    self.process.stdin.write(self._damage[0](data))
            self.process.stdin.close()
            back.join()

    def _pump_back(self, output: int, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client went away first
            while data := os.read(output, 4096):
                connection.sendall(self._damage[1](data))

    def cut_connection(self) -> None:
        assert self._connection is not None
        self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(10) == 0, "the sanitizers found something"
        self.process.stdout.close()


@pytest.fixture
def fake_board(board_program: Callable[[int], Path]) -> Iterator[Callable[..., FakeBoard]]:
    """Starts fake boards; the links to them must be closed in the test."""
    started: list[FakeBoard] = []

    def start(
        mode: str = "",
        to_board: Damage = bytes,
        to_host: Damage = bytes,
        request_bytes: int = REQUEST_BYTES,
    ) -> FakeBoard:
        started.append(FakeBoard(board_program(request_bytes), mode, to_board, to_host))
        return started[-1]

    yield start
    for board in started:
        board.close()


@pytest.fixture
def converse(board_program: Callable[[int], Path]) -> Callable[[bytes], bytes]:
    """Bytes to a fresh board, and all that it answers; fails where the sanitizers find something."""

    program = board_program(REQUEST_BYTES)

    def run(data: bytes) -> bytes:
        return subprocess.run([program], input=data, capture_output=True, check=True, timeout=30).stdout

    return run
