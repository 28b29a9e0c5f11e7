"""The user's bench file: what was measured on the boards at hand. It belongs in no repository."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tinybayes.boards.schema import Table
from tinybayes.errors import UserError


@dataclass(frozen=True)
class Calibration:
    """How a board's cycles compare with the model ``model_version``: ``core_factor * cycles + flash_factor * stalls``.

    ``largest_error`` is the largest relative error of a layer with these factors, ``cycle_counter`` what counted on
    the board, ``network_digest`` (hexadecimal) the network that ran.
    """

    core_factor: float
    flash_factor: float
    largest_error: float
    model_version: str
    cycle_counter: str
    network_digest: str


def bench_file() -> Path:
    """``$XDG_CONFIG_HOME/tinybayes/bench.toml``, else ``~/.config/tinybayes/bench.toml``."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "tinybayes" / "bench.toml"


def read_calibrations(path: Path | None = None) -> Mapping[str, Calibration]:
    """All calibrations by the board's name; none where there is no bench file.

    Raises BoardError, naming file and key, where it is no TOML or has an unknown, missing or wrong key.
    """
    file = path or bench_file()
    if not file.is_file():
        return {}
    table = Table.read(file)
    boards = table.take_table("calibration") if table.has("calibration") else None
    found = {name: _calibration(boards.take_table(name)) for name in boards.names()} if boards is not None else {}
    table.refuse_unknown()
    return found


def store_calibration(board: str, calibration: Calibration, path: Path | None = None) -> Path:
    """Puts the calibration of ``board`` into the bench file, at once or not at all; the file's path.

    Raises BoardError where the file that is there cannot be read, and UserError where it cannot be written.
    """
    file = path or bench_file()
    calibrations = {**read_calibrations(file), board: calibration}
    text = "# What was measured on your boards; `tinybayes calibrate` writes this file.\n"
    for name in sorted(calibrations):
        one = calibrations[name]
        text += (
            f'\n[calibration."{name}"]\n'
            f"core_factor = {one.core_factor:.6f}\n"
            f"flash_factor = {one.flash_factor:.6f}\n"
            f"largest_error = {one.largest_error:.6f}\n"
            f'model_version = "{one.model_version}"\n'
            f'cycle_counter = "{one.cycle_counter}"\n'
            f'network_digest = "{one.network_digest}"\n'
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, delete=False) as made:
            made.write(text)
        Path(made.name).replace(file)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error}; set XDG_CONFIG_HOME to a directory of yours") from error
    return file


def _calibration(table: Table) -> Calibration:
    return Calibration(
        core_factor=table.take_real("core_factor", 0.0, 100.0),
        flash_factor=table.take_real("flash_factor", 0.0, 100.0),
        largest_error=table.take_real("largest_error", 0.0, 100.0),
        model_version=table.take_text("model_version"),
        cycle_counter=table.take_text("cycle_counter"),
        network_digest=table.take_text("network_digest"),
    )
