"""Verdicts of whole batches, each found once in a test session however many processes share it."""

import fcntl
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kernels.cells.batch import EXACT
from tests.kernels.cells.table import Cell, cells_of

Run = Callable[[Sequence[Cell], Path], list[str]]


def session_directory(own: Path, worker_id: str) -> Path:
    """What all processes of a test session share, from the temporary directory of one and the name of its worker."""
    return (own if worker_id == "master" else own.parent) / "cells"


@dataclass(frozen=True)
class Verdicts:
    """``directory`` is the session's, shared by its processes; ``run`` builds and runs the cells of one program."""

    directory: Path
    run: Run

    def of(self, cell: Cell) -> str:
        """The verdict of a cell; all others of its program come along, and are kept for those who ask later."""
        program = [one for one in cells_of(cell.op, cell.weight_format, cell.core) if one.large == cell.large]
        size = "large" if cell.large else "small"
        name = f"{self.run.__name__}-{cell.op}-{cell.weight_format}-{cell.core}-{size}"
        self.directory.mkdir(exist_ok=True)
        kept = self.directory / f"{name}.json"
        with (self.directory / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                said = self.run(program, self.directory / name)
                kept.write_text(json.dumps({one.shape: verdict for one, verdict in zip(program, said, strict=True)}))
                if set(said) == {EXACT}:
                    shutil.rmtree(self.directory / name)
        verdict: str = json.loads(kept.read_text())[cell.shape]
        return verdict
