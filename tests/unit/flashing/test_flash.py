"""What is done to flash each board, and what a user reads where it cannot be done."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tinybayes.boards import list_boards, load_board
from tinybayes.boards.flashing import OpenOcd, PyOcd
from tinybayes.errors import DeviceError, ToolError, UnsupportedError, UserError
from tinybayes.flashing import choose_way, plan_flash
from tinybayes.flashing.drive import check_drive, copy_to_drive, find_drive, mounted_drives
from tinybayes.flashing.tools import openocd_command, run_tool

REAL = [name for name in list_boards() if not load_board(name).emulated]
SCRIPTS = Path("/usr/share/openocd/scripts")


@pytest.mark.parametrize("name", REAL)
def test_every_real_board_can_be_flashed(name):
    plan = plan_flash(Path("out/a.elf"), load_board(name))
    assert plan.command and plan.board == name


@pytest.mark.parametrize("name", sorted(set(list_boards()) - set(REAL)))
def test_a_board_of_qemu_cannot(name):
    with pytest.raises(UnsupportedError, match=f"{name} is a board as QEMU emulates it, so there is nothing to flash"):
        choose_way(load_board(name), None)


@pytest.mark.parametrize("name", REAL)
def test_openocd_reads_the_configuration_up_to_the_probe(name):
    for way in load_board(name).flashing:
        if isinstance(way, OpenOcd):
            configs = [part for config in way.configs for part in ("-f", config)]
            done = subprocess.run(["openocd", *configs, "-c", "shutdown"], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", REAL)
def test_pyocd_has_the_target_built_in(name):
    ways = [way for way in load_board(name).flashing if isinstance(way, PyOcd)]
    if ways:
        # pyOCD's packages warn at import, so it is asked in a process of its own.
        ask = "import sys; from pyocd.target import TARGET; sys.exit(sys.argv[1] not in TARGET)"
        for way in ways:
            assert subprocess.run([sys.executable, "-c", ask, way.target], check=False).returncode == 0, way.target


def test_the_exact_commands():
    elf = Path("out/my net/build/network.elf")
    assert plan_flash(elf, load_board("nucleo-f446re")).command == (
        "openocd -f board/st_nucleo_f4.cfg -c 'program {out/my net/build/network.elf} verify reset exit'"
    )
    assert plan_flash(elf, load_board("nucleo-f446re"), probe="066B").command == (
        "openocd -f board/st_nucleo_f4.cfg -c 'adapter serial {066B}' "
        "-c 'program {out/my net/build/network.elf} verify reset exit'"
    )
    assert plan_flash(elf, load_board("nrf52840-dk"), probe="683").command == (
        f"{sys.executable} -m pyocd load --no-config --target nrf52840 --uid 683 'out/my net/build/network.elf'"
    )
    assert plan_flash(Path("out/network.elf"), load_board("pico")).command == (
        'cp out/network.uf2 "/media/$USER/RPI-RP2/"'
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"method": "jlink"}, "--method: got 'jlink', wanted one that pico knows: uf2, pyocd, openocd"),
        ({"probe": "1", "drive": Path("x")}, "--probe and --drive: give one of them"),
        ({"probe": "1", "method": "uf2"}, "--probe: --method uf2 copies a file to a drive and uses no probe"),
        ({"drive": Path("x"), "method": "pyocd"}, "--drive: --method pyocd uses a probe and no drive"),
        ({"probe": "a}b", "method": "openocd"}, "--probe is 'a}b'; OpenOCD cannot be given braces"),
    ],
)
def test_options_that_contradict_each_other(options, problem):
    with pytest.raises(UserError) as caught:
        plan_flash(Path("a.elf"), load_board("pico"), **options)
    assert problem in str(caught.value)


def test_a_board_without_a_drive():
    with pytest.raises(UserError, match="--drive: nucleo-f446re has no way of flashing that takes it; it knows"):
        plan_flash(Path("a.elf"), load_board("nucleo-f446re"), drive=Path("x"))


def test_a_probe_leads_to_a_tool():
    assert plan_flash(Path("a.elf"), load_board("pico"), probe="1").method == "pyocd"


def test_openocd_without_a_probe_says_what_to_check(tmp_path):
    way = load_board("nucleo-f446re").flashing[0]
    assert isinstance(way, OpenOcd)
    (tmp_path / "a.elf").write_bytes(b"")
    with pytest.raises(DeviceError) as caught:
        run_tool(openocd_command(way, tmp_path / "a.elf", None))
    assert "openocd stopped with status 1: no probe was found: check the USB cable" in str(caught.value)
    assert "The command was: openocd -f board/st_nucleo_f4.cfg" in str(caught.value)


def test_without_openocd_the_command_that_installs_it_is_given(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"openocd was not found on the PATH; .* apt-get install -y openocd"):
        run_tool(("openocd", "-c", "shutdown"))


def test_a_tool_that_does_not_end(monkeypatch, tmp_path):
    tool = tmp_path / "openocd"
    tool.write_text("#!/bin/sh\nexec sleep 60\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(DeviceError, match=r"openocd did not end within 0\.2 s; unplug the probe"):
        run_tool(("openocd",), timeout_seconds=0.2)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Error: init mode failed (unable to connect to the target)", "the chip does not answer"),
        ("Error: libusb_open() failed with LIBUSB_ERROR_ACCESS", "install the udev rules"),
        ("Error: ** Verify Failed **", "what was read back differs"),
    ],
)
def test_known_words_of_tools_are_explained(monkeypatch, tmp_path, said, meant):
    tool = tmp_path / "openocd"
    tool.write_text(f"#!/bin/sh\necho '{said}'\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(DeviceError) as caught:
        run_tool(("openocd",))
    assert meant in str(caught.value) and said in str(caught.value)


def mounts(tmp_path: Path, *places: Path) -> Path:
    table = tmp_path / "mounts"
    table.write_text("".join(f"/dev/sdb1 {str(p).replace(' ', chr(92) + '040')} vfat rw 0 0\n" for p in places))
    return table


def test_a_drive_is_found_by_its_label(tmp_path):
    drive = tmp_path / "media of me" / "RPI-RP2"
    assert mounted_drives(mounts(tmp_path, drive))[0] == drive
    assert find_drive("RPI-RP2", "", mounts=mounts(tmp_path, drive, tmp_path / "OTHER"), labels=tmp_path) == drive


def test_no_drive_or_several_or_not_mounted(tmp_path):
    with pytest.raises(DeviceError, match=r"there is no drive called RPI-RP2; press it, then try again\."):
        find_drive("RPI-RP2", "press it", mounts=mounts(tmp_path), labels=tmp_path)
    both = mounts(tmp_path, tmp_path / "a" / "RPI-RP2", tmp_path / "b" / "RPI-RP2")
    with pytest.raises(DeviceError, match=r"several drives are called RPI-RP2: .*; give one of them with --drive"):
        find_drive("RPI-RP2", "", mounts=both, labels=tmp_path)
    (tmp_path / "RPI-RP2").touch()
    with pytest.raises(DeviceError, match=r"is there but not mounted; mount it \(udisksctl mount -b "):
        find_drive("RPI-RP2", "", mounts=mounts(tmp_path), labels=tmp_path)


def test_a_directory_that_is_no_boot_loader_is_left_alone(tmp_path):
    with pytest.raises(DeviceError, match=r"has no INFO_UF2\.TXT, so it is no UF2 boot loader; nothing was written"):
        check_drive(tmp_path, "INFO_UF2.TXT")
    (tmp_path / "info_uf2.txt").touch()
    check_drive(tmp_path, "INFO_UF2.TXT")
    with pytest.raises(UserError, match="there is no such directory"):
        check_drive(tmp_path / "x", None)


def test_the_words_of_a_board_that_refuses_the_image(tmp_path):
    copy_to_drive(tmp_path, "a.hex", b"data", fail_seconds=0)
    assert (tmp_path / "a.hex").read_bytes() == b"data"
    (tmp_path / "FAIL.TXT").write_text("of an earlier try")
    copy_to_drive(tmp_path, "a.hex", b"data", fail_seconds=0)

    def refuse() -> None:
        (tmp_path / "FAIL.TXT").write_text("error: the hex file\ncannot be decoded\n")
        (tmp_path / "a.hex").unlink()

    board = threading.Timer(0.3, refuse)
    board.start()
    with pytest.raises(DeviceError, match="the board refused the image: error: the hex file cannot be decoded"):
        copy_to_drive(tmp_path, "a.hex", b"data")
    board.join()


def test_a_drive_that_leaves_too_early(tmp_path):
    with pytest.raises(DeviceError, match=r"only 0 of 4 bytes could be written: .*; unplug the board"):
        copy_to_drive(tmp_path / "gone", "a.hex", b"data")
