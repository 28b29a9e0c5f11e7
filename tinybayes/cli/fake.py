"""``tinybayes fake-board``: a board without hardware, to try every command that talks to one."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinybayes.cli.show import console, errors_console, print_json

if TYPE_CHECKING:
    from tinybayes.boards import Target
    from tinybayes.boards.flashing import Uf2


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command("fake-board")(fake_board)


def fake_board(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `tinybayes compile` wrote.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port on the loopback interface; 0: any.")] = 0,
    terminal: Annotated[bool, typer.Option(help="A pseudo-terminal instead, which looks like a serial port.")] = False,
    baud: Annotated[int, typer.Option(min=0, help="Speed of the line; 0: none.")] = 0,
    fifo: Annotated[int | None, typer.Option(min=1, help="Bytes the receiver holds; default: the firmware's.")] = None,
    latency_ms: Annotated[float, typer.Option(min=0.0, max=10_000.0, help="Before each answer.")] = 0.0,
    flips: Annotated[int, typer.Option(min=0, max=1_000_000, help="Bytes in a million with a bit flipped.")] = 0,
    drops: Annotated[int, typer.Option(min=0, max=1_000_000, help="Bytes in a million that are lost.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of flips and drops.")] = 1,
    fault_after: Annotated[int, typer.Option(min=0, help="Requests until the device faults; 0: never.")] = 0,
    reset_after: Annotated[int, typer.Option(min=0, help="Requests until the device resets itself; 0: never.")] = 0,
    wrong_step: Annotated[
        int, typer.Option(min=0, help="Step, counted from 1, that computes one wrong bit; 0: none.")
    ] = 0,
    drive: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Directory that plays the drive of the boot loader, once that is entered."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the URL as one JSON object.")] = False,
) -> None:
    """Run the firmware's protocol code and the network as a process, until Ctrl-C; prints the URL to talk to.

    Where the board has a boot loader, entering it ends the process; with --drive, a UF2 file that is put there starts
    it again.

    Example: tinybayes fake-board out/imu --baud 921600 --latency-ms 2
    """
    from tinybayes.deployment import Deployment
    from tinybayes.run.fake_board import BOOT_LOADER_STATUS, Trouble, start_fake_board
    from tinybayes.run.fake_drive import take_image

    trouble = Trouble(baud, fifo, latency_ms / 1e3, flips, drops, seed, fault_after, reset_after, wrong_step)
    deployment = Deployment.open(directory)
    way = None if drive is None else _drive_of(deployment.board, drive)
    with start_fake_board(directory, deployment.name, trouble, terminal=terminal, port=port) as board:
        if as_json:
            print_json({"url": board.url})
        else:
            console().print(f"{board.url}\nCtrl-C ends it", soft_wrap=True, markup=False, highlight=False)
        sys.stdout.flush()  # whoever waits for the URL reads from a pipe
        while board.wait() == BOOT_LOADER_STATUS:
            said = errors_console()
            said.print("the boot loader has taken over", highlight=False)
            if drive is None or way is None:
                return
            image = take_image(drive, way, deployment.board.name)
            said.print(f"an image of {len(image):,} bytes was written; the board starts again", highlight=False)
            board.start()


def _drive_of(target: "Target", drive: Path) -> "Uf2":
    """What ``drive`` plays: the drive that a board's boot loader shows."""
    from tinybayes.boards import Board
    from tinybayes.boards.flashing import Uf2
    from tinybayes.errors import UserError

    if not drive.is_dir():
        raise UserError(f"--drive {drive}: there is no such directory; make it, it plays the board's USB drive")
    ways = target.flashing if isinstance(target, Board) else ()
    for way in ways:
        if isinstance(way, Uf2):
            return way
    raise UserError(f"--drive: {target.name} has no boot loader with a drive")
