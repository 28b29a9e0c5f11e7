"""Boot loaders and what a device has to say of itself, as a user types it, on a fake board."""

import json
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command
from tinybayes.boards import load_board
from tinybayes.boards.flashing import Uf2
from tinybayes.errors import DeviceError
from tinybayes.flashing.uf2 import make_uf2, read_uf2
from tinybayes.hil import Link, Session
from tinybayes.hil import board as board_module
from tinybayes.hil.board import enter_boot_loader
from tinybayes.hil.frames import Kind, decode_frame
from tinybayes.run.fake_board import BOOT_LOADER_STATUS, FakeBoard, Trouble, build_fake_board
from tinybayes.run.fake_drive import take_image


@pytest.fixture(scope="module")
def project(tmp_path_factory, request):
    """``project(board)`` is a compiled directory for the board, and its fake board's program."""
    from tests.golden.networks import three_formats
    from tinybayes.pipeline import compile_network

    made: dict[str, tuple[Path, Path]] = {}

    def of(board: str) -> tuple[Path, Path]:
        if board not in made:
            out = tmp_path_factory.mktemp(board) / "out"
            deployment = compile_network(three_formats(), load_board(board), out)
            build_fake_board(out, deployment.name, out.parent / "fake_board")
            made[board] = out, out.parent / "fake_board"
        return made[board]

    return of


def test_a_board_with_a_boot_loader_leaves_for_it_when_asked(project, tinybayes: Command):
    out, program = project("nucleo-f446re")
    with FakeBoard(program) as board:
        found = tinybayes("monitor", "--on", board.url, "--dir", out, "--boot-loader", "--json")
        assert found.status == 0, found.err
        facts = json.loads(found.out)
        assert facts["boot_loader_entered"] and facts["identity"]["has_boot_loader"]
        assert board.wait(10) == BOOT_LOADER_STATUS
        with pytest.raises(DeviceError, match="hello: no answer"):  # nobody of ours is there any more
            Session(Link(board.url, timeout_seconds=0.1, attempts=1))


def test_the_message_says_how_to_go_on(project, tinybayes: Command):
    with FakeBoard(project("pico")[1]) as board:
        found = tinybayes("monitor", "--on", board.url, "--echoes", 1, "--boot-loader")
        assert found.status == 0, found.err
        assert "boot loader can be entered: tinybayes monitor --boot-loader" in found.out
        assert "the boot loader has taken over: the USB drive RPI-RP2, which takes UF2 files, and picotool" in found.out


def test_a_board_without_one_says_so_and_stays(project, tinybayes: Command):
    with FakeBoard(project("microbit-v2")[1]) as board:
        found = tinybayes("monitor", "--on", board.url, "--boot-loader")
        assert found.status == 3
        assert "boot loader none that the firmware can enter" in found.out
        assert "enter boot loader: this board has no boot loader that firmware can enter" in found.err
        assert tinybayes("monitor", "--on", board.url).status == 0


def test_a_stopped_device_says_why_and_is_started_anew(project, tinybayes: Command):
    with FakeBoard(project("pico")[1], Trouble(fault_after=3)) as board:
        stopped = tinybayes("monitor", "--on", board.url)
        assert stopped.status == 3 and "stopped with HardFault at pc=0x00001234" in stopped.err
        again = tinybayes("monitor", "--on", board.url, "--reset", "--json")
        assert again.status == 0, again.err
        assert json.loads(again.out)["last_fault"].startswith("HardFault at pc=0x00001234")


def test_a_failed_self_test_ends_in_status_1(project, tinybayes: Command):
    with FakeBoard(project("pico")[1], Trouble(wrong_step=2)) as board:
        found = tinybayes("monitor", "--on", board.url)
        assert found.status == 1
        assert "self-test   FAILED: vector 0, step 1: CRC 0x" in found.out and "tinybayes verify shows" in found.out


def test_a_log_changes_nothing(tinybayes: Command):
    refused = tinybayes("monitor", "--on", "socket://127.0.0.1:9", "--log", "--boot-loader")
    assert refused.status == 2 and "--log only listens" in refused.err


def test_a_pico_is_flashed_over_its_port_without_a_button(project, tinybayes: Command, tmp_path):
    out, _ = project("pico")
    drive = tmp_path / "RPI-RP2"
    drive.mkdir()
    command = [sys.executable, "-m", "tinybayes", "fake-board", str(out), "--drive", str(drive), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            url = json.loads("".join(process.stdout.readline() for _ in range(3)))["url"]
            dry = tinybayes("flash", out, "--on", url, "--drive", drive, "--dry-run")
            assert dry.out == f"tinybayes monitor --on {url} --boot-loader; cp {out}/build/network.uf2 {drive}/\n"
            done = tinybayes("flash", out, "--on", url, "--drive", drive)
            assert done.status == 0, done.err
            assert process.stderr.readline() == "the boot loader has taken over\n"
            written = read_uf2((out / "build" / "network.uf2").read_bytes())
            assert written is not None
            assert f"an image of {len(written.image):,} bytes was written" in process.stderr.readline()
            assert not list(drive.iterdir())
            assert tinybayes("verify", out, "--on", url, "--device-samples", 3).status == 0
        finally:
            process.terminate()


def test_an_answer_that_is_lost_does_not_keep_the_board(project, monkeypatch):
    """The board has left although nobody was told, so it is not asked for ever."""
    monkeypatch.setattr(board_module, "_TIMEOUT_SECONDS", 0.1)
    with FakeBoard(project("pico")[1]) as board, socket.create_server(("127.0.0.1", 0)) as listener:

        def carry() -> None:
            """Both ways, until the boot loader was asked for: what comes back then is lost."""
            near, _ = listener.accept()
            host, port = board.url.removeprefix("socket://").split(":")
            with near, socket.create_connection((host, int(port))) as far:
                asked = False
                while True:
                    for line in select.select([near, far], [], [])[0]:
                        data = line.recv(4096)
                        if not data and line is near:
                            return
                        if line is far and not asked:
                            near.sendall(data)
                        elif line is near and not asked:
                            asked = any(
                                frame is not None and frame.kind == Kind.BOOT_LOADER
                                for frame in map(decode_frame, filter(None, data.split(b"\0")))
                            )
                            far.sendall(data)
                    if asked:
                        time.sleep(0.01)

        threading.Thread(target=carry, daemon=True).start()
        enter_boot_loader(f"socket://127.0.0.1:{listener.getsockname()[1]}", load_board("pico"))
        assert board.wait(10) == BOOT_LOADER_STATUS


@pytest.mark.parametrize(
    ("board", "message"),
    [
        ("nucleo-f446re", "--on: nucleo-f446re is flashed by openocd, which needs no boot loader; leave it out"),
        ("mps2-an386", "there is nothing to flash"),
    ],
)
def test_a_port_helps_only_with_uf2(board, message, project, tinybayes: Command):
    refused = tinybayes("flash", project(board)[0], "--on", "/dev/ttyACM0")
    assert refused.status == 2 and message in refused.err


def test_a_port_where_nobody_is_names_the_button(project, tinybayes: Command, tmp_path):
    refused = tinybayes(
        "flash", project("pico")[0], "--on", "socket://127.0.0.1:9", "--drive", tmp_path / "none", "--dry-run"
    )
    assert refused.status == 0
    refused = tinybayes("flash", project("pico")[0], "--on", "socket://127.0.0.1:9", "--drive", tmp_path / "none")
    assert refused.status == 3
    assert "must run an image of ours already; or hold BOOTSEL while plugging in USB, and leave out" in refused.err


def test_a_port_where_another_board_is(project, tinybayes: Command, tmp_path):
    with FakeBoard(project("nucleo-f446re")[1]) as board:
        refused = tinybayes("flash", project("pico")[0], "--on", board.url, "--drive", tmp_path / "none")
        assert refused.status == 3 and "was made for 'nucleo-f446re', and the directory for 'pico'" in refused.err


def test_a_drive_that_is_there_already_is_used_at_once(project, tinybayes: Command, tmp_path):
    drive = tmp_path / "RPI-RP2"
    drive.mkdir()
    way = next(way for way in load_board("pico").flashing if isinstance(way, Uf2))
    taken: list[bytes] = []
    boot_loader = threading.Thread(target=lambda: taken.append(take_image(drive, way, "pico")), daemon=True)
    boot_loader.start()
    while not (drive / "INFO_UF2.TXT").is_file():
        time.sleep(0.01)
    done = tinybayes("flash", project("pico")[0], "--on", "socket://127.0.0.1:9", "--drive", drive, "--json")
    assert done.status == 0, done.err
    boot_loader.join(10)
    assert len(taken[0]) > 2000


def test_what_is_no_whole_uf2_file():
    whole = make_uf2(bytes(1000), 0x1000_0000, 7)
    found = read_uf2(whole)
    assert found is not None and (found.address, found.family_id, found.image) == (0x1000_0000, 7, bytes(1024))
    for broken in (b"", whole[:-1], whole[:-512], whole[512:], b"x" + whole[1:], whole + whole, whole[:-1] + b"x"):
        assert read_uf2(broken) is None
