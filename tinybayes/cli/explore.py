"""``tinybayes explore``: the Pareto front of a network on a board."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinybayes.cli.calibration_data import read_calibration
from tinybayes.cli.show import console, print_json, progress_bars
from tinybayes.report.front_picture import PICTURE_NAME

if TYPE_CHECKING:
    from tinybayes.deployment import Deployment


def explore(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="NET.tbn, a .pt2 file, or module:callable.")],
    board: Annotated[str, typer.Option(help="Board; `tinybayes boards` lists them.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="New or empty directory, or one of an earlier compile.")],
    points: Annotated[int, typer.Option(help="Most plans to build and emulate; the ends are among them.")] = 12,
    name: Annotated[str, typer.Option(help="Begins the names of C functions and files.")] = "network",
    calibration: Annotated[
        str | None, typer.Option(metavar="X.npz", help="Typical inputs, for activation scales.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Show what a network could be on a board: the plans that no other beats in flash and latency.

    Each one is built and emulated, and stands beside what was predicted of it: as a table, in DIR/front.png and in
    DIR/report.html.

    Example: tinybayes explore examples/mnist-lenet300.tbn --board mps2-an386 --out out/front
    """
    from tinybayes import explore as exploring
    from tinybayes import pipeline
    from tinybayes.boards import load_target

    target = load_target(board)
    graph = pipeline.load_network(model, read_calibration(calibration))
    with progress_bars(quiet=as_json) as progress:
        made = exploring.explore(graph, target, out, points=points, name=name, progress=progress)
    if as_json:
        print_json({"front": made.record["front"]})
        return
    console().print(front_table(made))
    console().print(f"{out / PICTURE_NAME}\n{out / 'report.html'}", soft_wrap=True)
    console().print(
        f"next: tinybayes compile {model} --board {board} --out DIR --max-flash SIZE --objective latency",
        soft_wrap=True,
    )


def front_table(deployment: "Deployment") -> Any:  # noqa: ANN401 - a rich table
    """The front from the smallest plan to the fastest."""
    from rich import box
    from rich.table import Table

    record = deployment.record
    title = f"{record['network']['name']} on {record['board']['name']}: flash against latency"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("formats", overflow="fold")
    for heading in ("weights B", "image B", "predicted", "cycles", "off"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in record["front"]:
        formats = ", ".join(weight_format for weight_format in row["formats"].values() if weight_format)
        if row["cycles"] is None:
            shown = ("too large", f"{row['predicted_cycles']:,}", "-", "-")
        else:
            off = row["predicted_cycles"] / max(1, row["cycles"]) - 1
            shown = (f"{row['image_bytes']:,}", f"{row['predicted_cycles']:,}", f"{row['cycles']:,}", f"{off:+.1%}")
        table.add_row(formats, f"{row['predicted_weights_bytes']:,}", *shown)
    return table
