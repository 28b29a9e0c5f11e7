"""What a user reads where QEMU, the image or the machine is missing."""

import dataclasses

import pytest

from tinybayes.boards import load_board
from tinybayes.errors import DeviceError, ToolError, UnsupportedError
from tinybayes.run import qemu

BOARD = load_board("mps2-an386")


def test_without_qemu_the_command_that_installs_it_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="qemu-system-arm is not installed; install it with: apt-get install qemu"):
        qemu.QemuRunner(tmp_path / "a.elf", BOARD, network_digest=None)


def test_an_image_that_is_not_built(tmp_path, monkeypatch):
    monkeypatch.setattr(qemu.shutil, "which", lambda name: "/bin/false")
    with pytest.raises(DeviceError, match=r"a\.elf is not there; build it first with `tinybayes build`"):
        qemu.QemuRunner(tmp_path / "a.elf", BOARD, network_digest=None)


def test_a_board_that_is_not_emulated(tmp_path):
    with pytest.raises(UnsupportedError, match="QEMU does not emulate mps2-an386; use a board on a serial port"):
        qemu.QemuRunner(tmp_path / "a.elf", dataclasses.replace(BOARD, qemu=None), network_digest=None)
