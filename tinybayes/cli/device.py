"""``tinybayes profile`` and ``tinybayes monitor``: what a device has to say of its network and of itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinybayes.cli.show import console, print_json, progress_bars

if TYPE_CHECKING:
    from tinybayes.profiling import DeviceProfile

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
_URLS = "/dev/ttyACM0, COM5, usb:VID:PID[:serial], socket://host:port, rfc2217://host:port, labgrid:PLACE"


def register(app: typer.Typer) -> None:
    """Adds the commands to ``app``."""
    app.command()(profile)
    app.command()(monitor)


def profile(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="What `tinybayes compile` wrote.")],
    on: Annotated[str, typer.Option(metavar="URL", help=f"qemu, or a port: {_URLS}.")],
    runs: Annotated[int, typer.Option(min=1, max=10_000, help="How many inferences, each on another input.")] = 20,
    as_json: Json = False,
) -> None:
    """Time every layer on a device: the median, its spread, and the model's prediction beside it.

    In QEMU every instruction takes the same time, so there its figures show that the command works and no more.

    Example: tinybayes profile out/imu --on /dev/ttyACM0
    """
    from tinybayes.deployment import Deployment
    from tinybayes.profiling import profile_device

    with progress_bars(quiet=as_json) as progress:
        found = profile_device(Deployment.open(directory), on, runs, lambda done, total: progress(on, done, total))
    if as_json:
        print_json(found.record())
        return
    out = console()
    out.print(_profile_table(found))
    out.print(
        f"{found.board}: {1e3 * found.seconds:.3f} ms at {found.clock_hz / 1e6:g} MHz, median of {found.runs} runs, "
        f"counted by {found.cycle_counter}; predicted by {found.model_version}"
    )
    if not found.real_cycles:
        out.print("in QEMU every instruction takes the same time: these are no cycles of the chip")


def monitor(
    on: Annotated[str, typer.Option(metavar="URL", help=f"A port: {_URLS}.")],
    directory: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Also check that this directory's image is on it.")
    ] = None,
    echoes: Annotated[int, typer.Option(min=0, max=100_000, help="How many frames the link test sends.")] = 50,
    baud: Annotated[int | None, typer.Option(min=1200, help="Bits per second; the board's, else 115200.")] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Start the device anew first, also one that has stopped with a fault.")
    ] = False,
    boot_loader: Annotated[
        bool, typer.Option("--boot-loader", help="At the end, let it hand over to its boot loader.")
    ] = False,
    log: Annotated[bool, typer.Option("--log", help="Show what comes over the line by itself, until Ctrl-C.")] = False,
    seconds: Annotated[float | None, typer.Option(min=0.0, help="With --log: end after so long.")] = None,
    as_json: Json = False,
) -> None:
    """Ask a device who it is, let it test itself, test the link, and show its stack and its last fault.

    Exit status 1 where the link damaged frames (they were sent again) or a self-test fails.

    Example: tinybayes monitor --on usb:0483:374b --echoes 1000
    """
    from tinybayes.boards import Board
    from tinybayes.deployment import Deployment
    from tinybayes.errors import UserError
    from tinybayes.hil.monitor import examine, leave, listen, restart

    if log and as_json:
        raise UserError("--log and --json: give one of them; a log has no end to put into an object")
    if log and (reset or boot_loader):
        raise UserError("--log only listens; leave out --reset and --boot-loader")
    deployment = None if directory is None else Deployment.open(directory)
    board = None if deployment is None or not isinstance(deployment.board, Board) else deployment.board
    rate = baud or (board.uart.baud if board is not None else 115_200)
    if log:
        for line in listen(on, rate, seconds):
            console().print(line, soft_wrap=True, markup=False)
        return
    if reset:
        restart(on, rate)
    with progress_bars(quiet=as_json) as progress:
        found = examine(
            on,
            baud=rate,
            echoes=echoes,
            digest=None if deployment is None else deployment.digest,
            board=None if board is None else board.name,
            progress=lambda done, total: progress("echo", done, total),
        )
    if not as_json:
        for name, text in found.lines():
            console().print(f"{name:<11} {text}", soft_wrap=True, markup=False)
    if boot_loader:
        leave(on, rate)
    if as_json:
        print_json({**found.record(), "boot_loader_entered": boot_loader})
    elif boot_loader:
        console().print(f"the boot loader has taken over{_offers(found.identity.board)}", soft_wrap=True)
    raise typer.Exit(0 if found.good else 1)


def _offers(board: str) -> str:
    """What the boot loader of a board can be spoken to by, where the board is known here."""
    from tinybayes.boards import list_boards, load_board

    known = load_board(board).boot_loader if board in list_boards() else None
    return "" if known is None else f": {known.offers}"


def _profile_table(found: "DeviceProfile") -> Any:  # noqa: ANN401 - a rich table
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("layer", overflow="fold")
    for heading in ("median", "spread", "least", "most", "predicted", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in (*found.layers, found.total):
        predicted = "-" if layer.predicted_cycles is None else f"{layer.predicted_cycles:,}"
        ratio = "-" if layer.ratio is None else f"{layer.ratio:.3f}"
        figures = (layer.median_cycles, layer.spread_cycles, layer.least_cycles, layer.most_cycles)
        table.add_row(layer.name, *(f"{figure:,.0f}" for figure in figures), predicted, ratio)
    return table
