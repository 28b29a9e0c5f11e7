"""``tinybayes calibrate``: how a board's cycles compare with the model's."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinybayes.cli.show import bytes_text, console, print_json

if TYPE_CHECKING:
    from tinybayes.calibration import Measurement


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command()(calibrate)


def calibrate(
    board: Annotated[str, typer.Option(help="The board; `tinybayes boards` lists them.")],
    on: Annotated[str | None, typer.Option(help="URL of its serial port; without it, the image is only built.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the image is built.")] = Path("out/calibration"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Measure a board with a network made for it, and keep its core and flash factors for later reports.

    Without --on the image is built, to be flashed; then the same command with --on measures.

    Example: tinybayes calibrate --board nucleo-f446re --on /dev/ttyACM0
    """
    from tinybayes import calibration
    from tinybayes.boards import load_board

    deployment = calibration.prepare(load_board(board), out)
    image = deployment.directory / "build" / f"{deployment.name}.elf"
    if on is None:
        if as_json:
            print_json({"board": board, "image": str(image), "calibration": None})
        else:
            console().print(f"{image}\nnext: flash it, then tinybayes calibrate --board {board} --on URL")
        return
    measurement = calibration.calibrate(deployment, on)
    if as_json:
        print_json({
            "board": board,
            "image": str(image),
            "calibration": asdict(measurement.calibration),
            "layers": [asdict(layer) for layer in measurement.layers],
            "stored_in": str(measurement.stored_in),
        })  # fmt: skip
        return
    found = measurement.calibration
    console().print(_table(measurement))
    console().print(
        f"core factor {found.core_factor:.3f}, flash factor {found.flash_factor:.3f}, counted by "
        f"{found.cycle_counter}; the largest error of a layer is {found.largest_error:.1%}\n"
        f"stored in {measurement.stored_in}; later figures for {measurement.board} take them"
    )


def _table(measurement: "Measurement") -> Any:  # noqa: ANN401 - a rich table
    from rich.table import Table

    table = Table(title=f"{measurement.board}, cycles of one layer each")
    table.add_column("layer")
    for heading in ("measured", "model", "model, waiting for flash", "model with factors"):
        table.add_column(heading, justify="right")
    for layer in measurement.layers:
        counts = (layer.measured_cycles, layer.model_cycles, layer.model_stall_cycles, layer.fitted_cycles)
        table.add_row(layer.name, *(bytes_text(count) for count in counts))
    return table
