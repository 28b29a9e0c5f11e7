"""``tinybayes flash``: the image of a directory onto the board that it was compiled for."""

import shlex
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tinybayes.cli.show import console, errors_console, print_json


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command()(flash)


def flash(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `tinybayes compile` wrote.")],
    probe: Annotated[
        str | None, typer.Option(metavar="ID", help="Serial number of the debug probe, where there are several.")
    ] = None,
    drive: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The board's USB drive, where it is not found by its label.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="openocd, pyocd, uf2 or drive; without it, the board's first.")
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Serial port of a board with a UF2 boot loader: it need not be unplugged."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the exact command and do nothing else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Put the image onto the board that DIR was compiled for; it is built first if need be.

    How each board is flashed stands in its file: OpenOCD or pyOCD through a debug probe, a UF2 file for a boot loader,
    or a file copied to the drive that the board shows. With --on, firmware of ours that runs there already is asked to
    enter the boot loader, which otherwise takes a button.

    Example: tinybayes flash out/imu --dry-run, then without --dry-run, then tinybayes monitor --on /dev/ttyACM0
    """
    from tinybayes.boards import Board
    from tinybayes.deployment import Deployment
    from tinybayes.errors import UnsupportedError
    from tinybayes.flashing import plan_flash
    from tinybayes.hil.board import enter_boot_loader

    deployment = Deployment.open(directory)
    board = deployment.board
    if not isinstance(board, Board):
        raise UnsupportedError(
            f"{directory} holds a library for {board.core}, which is no image; compile for a board to flash it"
        )
    elf = directory / "build" / f"{deployment.name}.elf"
    show_drive = None if on is None else partial(enter_boot_loader, on, board)
    plan = plan_flash(elf, board, method=method, probe=probe, drive=drive, show_drive=show_drive)
    command = plan.command if on is None else f"tinybayes monitor --on {shlex.quote(on)} --boot-loader; {plan.command}"
    facts = {"board": plan.board, "method": plan.method, "image": str(plan.image), "command": command}
    if dry_run:
        if as_json:
            print_json({**facts, "flashed": False})
        else:
            print(command)
        return
    deployment.build()
    if not as_json:
        errors_console().print(f"flashing {board.name} by {plan.method}: {command}", soft_wrap=True, markup=False)
    plan.execute()
    if as_json:
        print_json({**facts, "flashed": True})
    else:
        console().print(
            f"{plan.image} is on the {board.name}; next: tinybayes verify {directory} --on {on or 'URL'}",
            soft_wrap=True,
            markup=False,
        )
