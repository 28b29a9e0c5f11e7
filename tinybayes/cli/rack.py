"""``tinybayes rack``: networks x boards, kept and compared."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinybayes.cli.show import bytes_text, console, errors_console, print_json

if TYPE_CHECKING:
    from tinybayes.rack import CellResult


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command()(rack)


def rack(
    bench: Annotated[Path, typer.Option(metavar="BENCH.toml", help="Networks, and boards with their ports.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Results, pictures, and a directory for each cell.")] = Path(
        "out/rack"
    ),
    jobs: Annotated[int, typer.Option(min=1, max=64, help="How many boards work at a time.")] = 4,
    memory_ratio: Annotated[
        float | None, typer.Option(min=1.0, help="How much flash and RAM may grow; else the file's, else 1.01.")
    ] = None,
    latency_ratio: Annotated[
        float | None, typer.Option(min=1.0, help="How much latency may grow; else the file's, else 1.02.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not take up a run that was interrupted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Compile, flash, verify and time every network on every board of a bench, and compare with the last run.

    An interrupted run is taken up where it ended. Exit status 1 where bits are wrong, or where memory or latency grew
    by more than the ratios since the last run; 3 where a board or a tool failed.

    Example: tinybayes rack --bench bench.toml --out out/rack
    """
    from tinybayes.rack import Store, read_bench, run_matrix
    from tinybayes.rack.plots import draw_pictures

    wanted = read_bench(bench)
    wanted = replace(
        wanted,
        memory_ratio=memory_ratio or wanted.memory_ratio,
        latency_ratio=latency_ratio or wanted.latency_ratio,
    )

    def told(cell: "CellResult") -> None:
        if not as_json:
            text = f"{cell.network} on {cell.board}: {'right' if cell.good else cell.error}"
            errors_console().print(text, soft_wrap=True, markup=False)

    with Store(out / "results.sqlite") as store:
        outcome = run_matrix(wanted, store, out / "cells", jobs=jobs, fresh=fresh, told=told)
    pictures = draw_pictures(outcome.cells, out, outcome.before)
    if as_json:
        print_json({
            "run": outcome.run,
            "taken_up": outcome.taken_up,
            "cells": [asdict(cell) for cell in outcome.cells],
            "regressions": [{**asdict(one), "ratio": one.ratio} for one in outcome.regressions],
            "pictures": [str(picture) for picture in pictures],
            "exit_status": outcome.exit_status,
        })  # fmt: skip
    else:
        shown = console()
        shown.print(_table(outcome.cells))
        for cell in outcome.cells:
            if not cell.good:
                shown.print(f"{cell.network} on {cell.board}: {cell.error}", soft_wrap=True, markup=False)
        for regression in outcome.regressions:
            shown.print(f"worse: {regression}", soft_wrap=True, markup=False)
        shown.print(f"run {outcome.run}; results and pictures in {out}", soft_wrap=True, markup=False)
    raise typer.Exit(outcome.exit_status)


def _table(cells: "tuple[CellResult, ...]") -> Any:  # noqa: ANN401 - a rich table
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("network", "board", "result"):
        table.add_column(heading, no_wrap=True)
    for heading in ("flash B", "RAM B", "ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for cell in cells:
        word = "bit-exact" if cell.good else "DIFFERS" if cell.mismatches else "failed"
        milliseconds = "-" if cell.latency_seconds is None else f"{1e3 * cell.latency_seconds:.3f}"
        sizes = (bytes_text(cell.flash_bytes), bytes_text(cell.ram_bytes), milliseconds)
        table.add_row(cell.network, cell.board, word, *sizes, cell.latency_source or "")
    return table
