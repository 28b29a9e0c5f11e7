"""What ``tinybayes monitor`` finds out about a fake board, over lines good and bad."""

import json
import socket
import struct
import threading
import time

import pytest

from tests.unit.cli.conftest import Command, tinybayes  # noqa: F401 - a fixture
from tests.unit.hil.conftest import DIGEST
from tinybayes.errors import DeviceError
from tinybayes.hil.frames import Frame, Kind, Status, encode_frame
from tinybayes.hil.monitor import describe, examine, listen


def test_a_good_line(fake_board, tinybayes: Command):  # noqa: F811
    found = tinybayes("monitor", "--on", fake_board().url, "--echoes", 20, "--json")
    assert found.status == 0, found.err
    facts = json.loads(found.out)
    assert facts["good"] and facts["echo"]["frames"] == 20 and facts["echo"]["retries"] == 0
    assert facts["identity"]["network_name"] == "toy" and facts["identity"]["network_digest"] == DIGEST.hex()


def test_lines_for_people(fake_board, tinybayes: Command):  # noqa: F811
    found = tinybayes("monitor", "--on", fake_board().url, "--echoes", 3)
    assert found.status == 0, found.err
    assert "network     toy, digest " in found.out and "3 frames of 400 B, none sent again" in found.out
    assert "self-test   2 passed, every step\nlast fault  none\n" in found.out
    assert "boot loader none that the firmware can enter\n" in found.out


def test_damaged_frames_are_counted_and_end_in_status_1(fake_board, tinybayes: Command):  # noqa: F811
    seen = 0

    def damage(data: bytes) -> bytes:
        nonlocal seen
        echo = len(data) > 300
        seen += echo
        return data[:-5] + bytes([data[-5] ^ 4]) + data[-4:] if seen == 2 and echo else data

    found = tinybayes("monitor", "--on", fake_board(to_board=damage).url, "--echoes", 10, "--json")
    assert found.status == 1
    assert json.loads(found.out)["echo"]["retries"] == 1


def test_another_network_or_board(fake_board):
    with pytest.raises(
        DeviceError, match=r"runs network 'toy' with digest .*, wanted 0000.*flash the directory's image"
    ):
        examine(fake_board().url, baud=115_200, echoes=0, digest=bytes(16))
    with pytest.raises(
        DeviceError, match=r"the image on the device was made for 'mps2-an386', and the directory for 'pico'"
    ):
        examine(fake_board().url, baud=115_200, echoes=0, board="pico")


def test_frames_in_words():
    def said(frame: Frame) -> str:
        return describe(encode_frame(frame).strip(b"\0"))

    assert said(Frame(Kind.ECHO | Kind.REPLY, 7, b"abc")) == "reply to echo: done, sequence 7, 3 bytes"
    assert said(Frame(Kind.LOAD, 8, b"abcd")) == "request load, sequence 8, 4 bytes"
    assert said(Frame(0x60, 8)) == "request kind 96, sequence 8, 0 bytes"
    assert said(Frame(Kind.RUN | Kind.REPLY, 9, status=Status.OUT_OF_RANGE)) == (
        "reply to run: out of range, sequence 9, 0 bytes"
    )
    assert said(Frame(Kind.REPLY_BROKEN, 0xFFFF)).startswith("ready; what came before was no right frame")
    fault = struct.pack("<8I", 0x100, 0x200, 0, 0x2000_0000, 3, 1 << 16, 0, 0)
    assert said(Frame(Kind.REPLY_FAULT, 0xFFFF, fault, Status.FAULT)).startswith(
        "stopped with HardFault at pc=0x00000100"
    )
    assert describe(b"Hello\r\n\xff") == r"no frame, 8 bytes: Hello\r\n\\xff"


def test_a_log_of_what_comes_by_itself(tinybayes: Command):  # noqa: F811
    listener = socket.create_server(("127.0.0.1", 0))

    def speak() -> None:
        connection, _ = listener.accept()
        with connection:
            time.sleep(1.0)  # pyserial drops what has come before the port is open
            connection.sendall(b"booting\n" + encode_frame(Frame(Kind.REPLY_BROKEN, 0xFFFF)) + b"rest")
            connection.recv(1)

    thread = threading.Thread(target=speak)
    thread.start()
    shown = tinybayes("monitor", "--on", f"socket://127.0.0.1:{listener.getsockname()[1]}", "--log", "--seconds", 3)
    thread.join()
    listener.close()
    assert shown.status == 0, shown.err
    texts = [line.split(maxsplit=1)[1] for line in shown.out.splitlines()]
    assert texts[0] == r"no frame, 8 bytes: booting\n"
    assert texts[1].startswith("ready;") and texts[2] == "no frame, 4 bytes: rest"


def test_a_log_whose_line_breaks():
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        listener.accept()[0].close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(DeviceError, match="listening: the connection broke"):
        list(listen(f"socket://127.0.0.1:{listener.getsockname()[1]}", 115_200, 5.0))
    thread.join()
    listener.close()
