"""Firmware of another version on the board, and things that are no board at all, as a user meets them."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.unit.cli.conftest import Command, tinybayes  # noqa: F401 - a fixture
from tinybayes.errors import DeviceError
from tinybayes.hil import Link, Session
from tinybayes.hil.frames import Frame, Kind, decode_frame, encode_frame

Answer = Callable[[Frame], bytes]


@pytest.fixture
def device() -> Iterator[Callable[[Answer], str]]:
    """``device(answer)`` is the URL of one that answers every right frame so."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(listener: socket.socket, answer: Answer) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        waiting = b""
        with connection:
            while data := connection.recv(4096):
                *pieces, waiting = (waiting + data).split(b"\0")
                for frame in map(decode_frame, filter(None, pieces)):
                    if frame is not None:
                        connection.sendall(answer(frame))

    def start(answer: Answer) -> str:
        listeners.append(socket.create_server(("127.0.0.1", 0)))
        threads.append(threading.Thread(target=serve, args=(listeners[-1], answer), daemon=True))
        threads[-1].start()
        return f"socket://127.0.0.1:{listeners[-1].getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(10)


@pytest.mark.parametrize(
    ("version", "abi", "payload_bytes"),
    [(2, 1, 60), (1, 1, 4), (4, 1, 200), (3, 2, 90)],
)
def test_firmware_of_another_version(version, abi, payload_bytes, device, tinybayes: Command):  # noqa: F811
    """Its hello begins with the version in all versions; the rest may be anything."""
    hello = struct.pack("<HH", version, abi).ljust(payload_bytes, b"\7")
    url = device(lambda frame: encode_frame(Frame(frame.kind | Kind.REPLY, frame.sequence, hello)))
    done = tinybayes("monitor", "--on", url)
    assert done.status == 3
    assert (
        f"hello: the firmware speaks protocol {version} with network interface {abi}, wanted 3 and 1; "
        "build and flash it with this tinybayes"
    ) in done.err


def test_hello_that_is_cut_short(device, tinybayes: Command):  # noqa: F811
    url = device(lambda frame: encode_frame(Frame(frame.kind | Kind.REPLY, frame.sequence, struct.pack("<HH", 3, 1))))
    done = tinybayes("monitor", "--on", url)
    assert done.status == 3 and "hello: an answer of 4 bytes that cannot be read" in done.err


def test_a_line_that_only_echoes(device):
    """A wire from TX to RX, or a program that echoes, is no board, and that is said in bounded time."""
    with (
        Link(device(encode_frame), timeout_seconds=0.2) as link,
        pytest.raises(DeviceError, match=r"hello: no answer within 0\.2 s, 5 times"),
    ):
        Session(link)
