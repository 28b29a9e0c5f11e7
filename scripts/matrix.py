"""Every network of the test corpus on every emulated board: bit-exact, or refused with the right number of bytes.

    make matrix
    .venv/bin/python -m scripts.matrix --board microbit --network large --json

Exits with 1 where a cell fails.
"""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.emulated.corpus import corpus
from tests.emulated.matrix import SAMPLES, Cell, run_cell
from tinybayes.boards import list_boards, load_board

STYLES = {"exact": "green", "too large": "yellow", "failed": "bold red"}


def main(
    board: Annotated[list[str] | None, typer.Option(help="Only this board; may be given again.")] = None,
    network: Annotated[str, typer.Option(help="Only networks whose name contains this.")] = "",
    samples: Annotated[int, typer.Option(min=1, help="Inputs per cell.")] = SAMPLES,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> None:
    """Runs the matrix and prints it."""
    boards = [load_board(name) for name in board or list_boards()]
    pairs = [(entry, one) for entry in corpus() if network in entry.name for one in boards if one.emulated]
    cells = []
    columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        task = progress.add_task("", total=len(pairs))
        for entry, one in pairs:
            progress.update(task, description=f"{entry.name} on {one.name}")
            cells.append(run_cell(entry, one, samples))
            progress.advance(task)
            if not errors.is_terminal:
                errors.print(f"{len(cells)}/{len(pairs)} {entry.name} on {one.name}: {_told(cells[-1])}")
    counts = {name: sum(cell.verdict == name for cell in cells) for name in STYLES}
    if as_json:
        print(json.dumps({"cells": [asdict(cell) for cell in cells], "counts": counts}, indent=1))
    else:
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
        console.print(table_of(cells))
        console.print(", ".join(f"{count} {name}" for name, count in counts.items()))
    if counts["failed"] or not cells:
        raise typer.Exit(1)


def table_of(cells: list[Cell]) -> Table:
    """A row for each cell, the networks apart from each other."""
    table = Table()
    for heading in ("network", "board", "core", "verdict", "tensors", "flash", "RAM"):
        table.add_column(heading, justify="right" if heading in ("tensors", "flash", "RAM") else "left")
    for index, cell in enumerate(cells):
        first = index == 0 or cells[index - 1].network != cell.network
        last = index + 1 == len(cells) or cells[index + 1].network != cell.network
        sizes = (
            str(cell.tensors_compared or "-"),
            *(f"{n:,}" if n is not None else "-" for n in (cell.flash_bytes, cell.ram_bytes)),
        )
        table.add_row(cell.network if first else "", cell.board, cell.core, _told(cell), *sizes, end_section=last)
    return table


def _told(cell: Cell) -> str:
    return f"[{STYLES[cell.verdict]}]{cell.verdict}[/] {escape(cell.detail)}".rstrip()


if __name__ == "__main__":
    typer.run(main)
