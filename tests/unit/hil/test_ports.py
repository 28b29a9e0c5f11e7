"""Every way to name a port: through ptys, sockets, RFC 2217 servers and a stand-in for labgrid's command."""

import contextlib
import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path

import pytest
import serial
from serial import rfc2217
from serial.tools.list_ports_common import ListPortInfo

from tinybayes.errors import DeviceError, ToolError, UserError
from tinybayes.hil import Link, Session, ports
from tinybayes.hil.ports import find_usb_port, open_port

# pyserial 3.5 names its RFC 2217 thread in the way of old.
pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")


def port_info(device: str, vid: int | None, pid: int, number: str | None) -> ListPortInfo:
    info = ListPortInfo(device)
    info.vid, info.pid, info.serial_number, info.description = vid, pid, number, "STM32 STLink"
    return info


@pytest.fixture
def usb(monkeypatch):
    def attach(*infos: ListPortInfo) -> None:
        monkeypatch.setattr(ports.list_ports, "comports", lambda: list(infos))

    return attach


STLINKS = (
    port_info("/dev/ttyACM1", 0x0483, 0x374B, "066BFF50"),
    port_info("/dev/ttyACM0", 0x0483, 0x374B, "066AFF51"),
    port_info("/dev/ttyS0", None, 0, None),
)


def test_a_usb_port_by_its_serial_number(usb):
    usb(*STLINKS)
    assert find_usb_port("usb:0483:374B:066bff50") == "/dev/ttyACM1"


def test_a_usb_port_that_is_the_only_one_of_its_kind(usb):
    usb(STLINKS[0], STLINKS[2])
    assert find_usb_port("usb:0483:374b") == "/dev/ttyACM1"


def test_several_usb_ports_match(usb):
    usb(*STLINKS)
    with pytest.raises(DeviceError) as caught:
        find_usb_port("usb:0483:374b")
    assert str(caught.value) == (
        "usb:0483:374b: several serial ports match: usb:0483:374b:066AFF51 (/dev/ttyACM0, STM32 STLink), "
        "usb:0483:374b:066BFF50 (/dev/ttyACM1, STM32 STLink). Add the serial number of one, or give its name"
    )


def test_no_usb_port_matches(usb):
    usb(STLINKS[0])
    with pytest.raises(DeviceError) as caught:
        find_usb_port("usb:2e8a:000a")
    assert str(caught.value) == (
        "usb:2e8a:000a: there is no such serial port; there are: usb:0483:374b:066BFF50 (/dev/ttyACM1, STM32 STLink). "
        "Check the cable and the board's power"
    )
    usb()
    with pytest.raises(DeviceError, match="there is no USB port at all"):
        find_usb_port("usb:2e8a:000a")


@pytest.mark.parametrize("url", ["usb:483:374b", "usb:0483", "usb:0483:374b:", "usb:xxxx:374b"])
def test_what_is_no_usb_url(url):
    with pytest.raises(UserError, match="wanted usb:VID:PID or usb:VID:PID:SERIAL"):
        Link(url)


def test_a_port_that_is_not_there():
    with pytest.raises(
        DeviceError, match=r"/dev/nothing: cannot open: .*; check the name, the cable and that no other"
    ):
        Link("/dev/nothing")


def test_a_port_that_one_may_not_use(monkeypatch):
    def refuse(*_arguments, **_options):
        raise serial.SerialException(13, "could not open port /dev/ttyACM0: [Errno 13] Permission denied")

    monkeypatch.setattr(ports.serial, "serial_for_url", refuse)
    with pytest.raises(DeviceError, match="sudo usermod -a -G dialout"):
        Link("/dev/ttyACM0")


class Bridge:
    """Carries bytes between the fake board's socket and whatever has ``read`` and ``write``, until ``stop``."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("socket://").split(":")
        self.board = socket.create_connection((host, int(port)))
        self.running = True

    def stop(self) -> None:
        self.running = False


@pytest.fixture
def board_on_pty(fake_board):
    """A pty whose other end is the fake board."""
    board = fake_board()
    bridge = Bridge(board.url)
    ours, theirs = pty.openpty()
    # As a serial driver does; a pty of its own would echo and translate line ends.
    tty.setraw(theirs)

    def carry() -> None:
        while bridge.running:
            for ready in select.select([ours, bridge.board], [], [], 0.05)[0]:
                if ready == ours:
                    bridge.board.sendall(os.read(ours, 4096))
                else:
                    os.write(ours, bridge.board.recv(4096))

    thread = threading.Thread(target=carry)
    thread.start()
    yield os.ttyname(theirs)
    bridge.stop()
    thread.join()
    bridge.board.close()
    os.close(ours)
    os.close(theirs)


def greet(url: str) -> str:
    with Session(Link(url)) as session:
        assert session.echo(bytes(range(256))) == bytes(range(256))
        return session.identity.network_name


def test_a_board_on_a_pty(board_on_pty):
    assert greet(board_on_pty) == "toy"


@pytest.fixture
def rfc2217_of_pyserial(fake_board):
    """pyserial's RFC 2217 server in front of the board's socket, as a pty has no modem lines to report; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    line = serial.serial_for_url(fake_board().url, timeout=0)
    running = True

    def serve() -> None:
        connection, _ = listener.accept()
        connection.settimeout(0.02)

        class Writer:
            def write(self, data: bytes) -> None:
                connection.sendall(data)

        manager = rfc2217.PortManager(line, Writer())
        with connection, contextlib.suppress(ConnectionError):
            while running:
                try:
                    received = connection.recv(4096)
                    if not received:
                        break
                    line.write(b"".join(manager.filter(received)))
                except TimeoutError:
                    pass
                waiting = line.read(4096)
                if waiting:
                    connection.sendall(b"".join(manager.escape(waiting)))

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    running = False
    with socket.create_connection(listener.getsockname()):
        pass  # wakes a server that nobody has called
    thread.join()
    line.close()
    listener.close()


def test_a_board_behind_pyserials_rfc2217_server(rfc2217_of_pyserial):
    assert greet(f"rfc2217://127.0.0.1:{rfc2217_of_pyserial}") == "toy"


def test_a_board_behind_ser2net(board_on_pty, tmp_path):
    program = shutil.which("ser2net") or "/usr/sbin/ser2net"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    configuration = tmp_path / "ser2net.yaml"
    configuration.write_text(
        f"connection: &board\n  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}\n"
        f"  connector: serialdev,{board_on_pty},115200n81,local\n"
    )
    server = subprocess.Popen([program, "-n", "-d", "-c", configuration], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                # A pty has no control lines, so the server cannot confirm that they were set.
                name = greet(f"rfc2217://127.0.0.1:{port}?ign_set_control")
                break
            except DeviceError as error:
                if time.monotonic() > deadline or "cannot open" not in str(error):
                    raise
                time.sleep(0.1)
        assert name == "toy"
    finally:
        server.kill()
        server.communicate()


@pytest.fixture
def labgrid(monkeypatch, tmp_path):
    """The stand-in for labgrid-client; what it was asked."""
    client = tmp_path / "labgrid-client"
    client.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("labgrid_client.py")} "$@"\n')
    client.chmod(0o755)
    monkeypatch.setenv("LABGRID_CLIENT", str(client))
    monkeypatch.setenv("LABGRID_STATE", str(tmp_path))
    monkeypatch.setenv("LABGRID_PORT", "1")
    return lambda: (tmp_path / "log").read_text().splitlines()


def test_a_place_of_labgrid_is_acquired_and_released(labgrid, monkeypatch, rfc2217_of_pyserial):
    monkeypatch.setenv("LABGRID_PORT", str(rfc2217_of_pyserial))
    assert greet("labgrid:desk-1") == "toy"
    assert labgrid() == ["acquire desk-1", "show desk-1", "release desk-1"]


def test_a_place_that_is_ours_already_stays_so(labgrid, monkeypatch, rfc2217_of_pyserial, tmp_path):
    monkeypatch.setenv("LABGRID_PORT", str(rfc2217_of_pyserial))
    (tmp_path / "desk-1.acquired").write_text("me")
    assert greet("labgrid:desk-1") == "toy"
    assert labgrid() == ["acquire desk-1", "show desk-1"]


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("missing", "labgrid-client acquire failed with status 1: .*place pattern missing matches nothing"),
        ("dark", "the place has no NetworkSerialPort; its resources are: desk/dark/NetworkPowerPort/power"),
        ("unplugged", "port None .*is the exporter running, and is the board plugged in"),
        ("desk-1", "labgrid:desk-1: cannot open"),
    ],
)
def test_a_place_that_is_of_no_use_is_given_back(labgrid, place, problem):
    with pytest.raises(DeviceError, match=problem):
        open_port(f"labgrid:{place}", baud=115_200, timeout_seconds=0.1, write_timeout_seconds=1.0)
    assert labgrid()[-1] == (f"acquire {place}" if place == "missing" else f"release {place}")


def test_a_place_that_another_one_has(labgrid, tmp_path):
    (tmp_path / "desk-1.acquired").write_text("there/another")
    with pytest.raises(DeviceError, match="Place desk-1 is already acquired by there/another"):
        Link("labgrid:desk-1")
    assert labgrid() == ["acquire desk-1"]


def test_without_labgrid_the_way_to_install_it_is_given(monkeypatch, tmp_path):
    monkeypatch.setenv("LABGRID_CLIENT", str(tmp_path / "nothing"))
    with pytest.raises(ToolError, match="labgrid-client was not found; install it into an environment of its own"):
        Link("labgrid:desk-1")


def test_what_is_no_place():
    with pytest.raises(UserError, match="wanted labgrid:PLACE"):
        Link("labgrid:")
