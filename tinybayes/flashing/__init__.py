"""Putting an image onto a board: with a probe, or by copying a file to the drive that the board shows."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinybayes.boards import Board
from tinybayes.boards.flashing import METHODS, Drive, Flashing, OpenOcd, PyOcd, Uf2
from tinybayes.errors import UnsupportedError, UserError
from tinybayes.flashing.drive import await_drive, check_drive, copy_to_drive, find_drive, mounted_drives
from tinybayes.flashing.elf import flash_image, intel_hex
from tinybayes.flashing.tools import openocd_command, pyocd_command, run_tool
from tinybayes.flashing.uf2 import make_uf2

__all__ = ["METHODS", "FlashPlan", "choose_way", "plan_flash"]
_INFO_UF2 = "INFO_UF2.TXT"


@dataclass(frozen=True)
class FlashPlan:
    """What will be done: ``command`` is what a user could type instead, ``execute`` does it."""

    method: str
    board: str
    image: Path
    command: str
    execute: Callable[[], None]


def choose_way(board: Board, method: str | None, *, probe: bool = False, drive: bool = False) -> Flashing:
    """The board's way called ``method``; without it, the first that fits what the user gave (a probe, a drive).

    Raises UnsupportedError for a board that exists in QEMU only, and UserError for a way that it does not know.
    """
    if not board.flashing:
        raise UnsupportedError(
            f"{board.name} is a board as QEMU emulates it, so there is nothing to flash; use --on qemu, or compile for "
            "a real board (`tinybayes boards` lists them)"
        )
    known = {way.method: way for way in board.flashing}
    if method is not None:
        if method not in known:
            raise UserError(f"--method: got {method!r}, wanted one that {board.name} knows: {', '.join(known)}")
        return known[method]
    kinds = (OpenOcd, PyOcd) if probe else (Uf2, Drive) if drive else (OpenOcd, PyOcd, Uf2, Drive)
    fitting = [way for way in board.flashing if isinstance(way, kinds)]
    if not fitting:
        option = "--probe" if probe else "--drive"
        raise UserError(f"{option}: {board.name} has no way of flashing that takes it; it knows {', '.join(known)}")
    return fitting[0]


def plan_flash(
    elf: Path,
    board: Board,
    *,
    method: str | None = None,
    probe: str | None = None,
    drive: Path | None = None,
    show_drive: Callable[[], None] | None = None,
) -> FlashPlan:
    """How ``elf`` gets onto ``board``; nothing is done yet.

    ``probe`` is the serial number of one debug probe of several, ``drive`` the directory of the board's drive where
    it is not found by its label. ``show_drive`` makes a boot loader show its drive, which is waited for then; it is
    not called where the drive is there already. Raises UserError where the options contradict each other.
    """
    if probe is not None and drive is not None:
        raise UserError("--probe and --drive: give one of them; a drive needs no probe")
    way = choose_way(board, method, probe=probe is not None, drive=drive is not None)
    if show_drive is not None and not isinstance(way, Uf2):
        raise UserError(f"--on: {board.name} is flashed by {way.method}, which needs no boot loader; leave it out")
    if isinstance(way, OpenOcd | PyOcd):
        if drive is not None:
            raise UserError(f"--drive: --method {way.method} uses a probe and no drive")
        command = openocd_command(way, elf, probe) if isinstance(way, OpenOcd) else pyocd_command(way, elf, probe)
        return FlashPlan(way.method, board.name, elf, shlex.join(command), lambda: _run(command))
    if probe is not None:
        raise UserError(f"--probe: --method {way.method} copies a file to a drive and uses no probe")
    return _plan_copy(way, elf, board, drive, show_drive)


def _plan_copy(
    way: Uf2 | Drive, elf: Path, board: Board, drive: Path | None, show_drive: Callable[[], None] | None
) -> FlashPlan:
    suffix = ".uf2" if isinstance(way, Uf2) else ".hex"
    image = elf.with_suffix(suffix)
    shown = drive if drive is not None else next((p for p in mounted_drives() if p.name == way.label), None)
    place = shlex.quote(f"{shown}/") if shown is not None else f'"/media/$USER/{way.label}/"'
    command = f"cp {shlex.quote(str(image))} {place}"

    def execute() -> None:
        data = write_image(way, elf, image)
        hint = way.button if isinstance(way, Uf2) else "plug the board in by USB"

        def ready() -> Path:
            target = drive if drive is not None else find_drive(way.label, hint)
            check_drive(target, _INFO_UF2 if isinstance(way, Uf2) else None)
            return target

        target = ready() if show_drive is None else await_drive(ready, show_drive)
        copy_to_drive(target, image.name, data)

    return FlashPlan(way.method, board.name, image, command, execute)


def write_image(way: Uf2 | Drive, elf: Path, image: Path) -> bytes:
    """Writes beside the ELF what the drive takes; its bytes."""
    address, data = flash_image(elf)
    made = make_uf2(data, address, way.family_id) if isinstance(way, Uf2) else intel_hex(address, data).encode()
    image.write_bytes(made)
    return made


def _run(command: tuple[str, ...]) -> None:
    run_tool(command)
