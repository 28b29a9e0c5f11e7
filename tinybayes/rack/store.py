"""Results in SQLite: one row a run of the matrix, one a cell of it."""

import sqlite3
import time
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Self

from tinybayes.errors import FileFormatError

_VERSION = 1
_SCHEMA = """
CREATE TABLE runs (id INTEGER PRIMARY KEY, started_unix_seconds REAL NOT NULL, finished_unix_seconds REAL);
CREATE TABLE cells (
    run INTEGER NOT NULL REFERENCES runs(id), network TEXT NOT NULL, board TEXT NOT NULL, key TEXT NOT NULL,
    error TEXT, exit_status INTEGER NOT NULL, flash_bytes INTEGER, ram_bytes INTEGER, samples INTEGER,
    mismatches INTEGER, first_mismatch TEXT, latency_seconds REAL, latency_source TEXT,
    PRIMARY KEY (run, network, board)
);
"""


@dataclass(frozen=True)
class CellResult:
    """One network on one board.

    ``key`` changes with everything that could change the result: the network's content, the objective, the board and
    the version of tinybayes. ``error`` and an ``exit_status`` other than 0 stand where it failed; then figures may be
    None. ``latency_source`` is ``measured`` on a board, and ``emulated``, by the model of the core, in QEMU.
    """

    network: str
    board: str
    key: str
    error: str | None = None
    exit_status: int = 0
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    samples: int | None = None
    mismatches: int | None = None
    first_mismatch: str | None = None
    latency_seconds: float | None = None
    latency_source: str | None = None

    @property
    def good(self) -> bool:
        """Whether it ran and every bit was right."""
        return self.exit_status == 0


_COLUMNS = tuple(field.name for field in fields(CellResult))


class Store:
    """The file of results. Everything written is there when the call returns, whatever happens afterwards.

    Raises FileFormatError where the file is no store of this version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path)
        try:
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            empty = not self._connection.execute("SELECT name FROM sqlite_master").fetchall()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise FileFormatError(f"{path}: not a store of results: {error}; give another --out") from error
        if version == 0 and empty:
            self._connection.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")
        elif version != _VERSION:
            self._connection.close()
            raise FileFormatError(f"{path}: version {version}, wanted {_VERSION}; move it away or give another --out")

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the file."""
        self._connection.close()

    def begin(self, *, fresh: bool = False) -> int:
        """The number of the unfinished run, to be taken up; with ``fresh``, or where there is none, of a new one."""
        with self._connection:
            row = self._connection.execute(
                "SELECT id FROM runs WHERE finished_unix_seconds IS NULL ORDER BY id DESC LIMIT 1"
            ).fetchone()
            if row is not None and not fresh:
                return int(row[0])
            self._connection.execute(
                "DELETE FROM cells WHERE run IN (SELECT id FROM runs WHERE finished_unix_seconds IS NULL)"
            )
            self._connection.execute("DELETE FROM runs WHERE finished_unix_seconds IS NULL")
            added = self._connection.execute("INSERT INTO runs (started_unix_seconds) VALUES (?)", (time.time(),))
            return int(added.lastrowid or 0)

    def add(self, run: int, cell: CellResult) -> None:
        """Keeps a cell's result, in place of an earlier one of the same run."""
        values = asdict(cell)
        marks = ", ".join("?" for _ in range(len(_COLUMNS) + 1))
        with self._connection:
            self._connection.execute(
                f"INSERT OR REPLACE INTO cells (run, {', '.join(_COLUMNS)}) VALUES ({marks})",
                (run, *(values[name] for name in _COLUMNS)),
            )

    def finish(self, run: int) -> None:
        """Marks the run as complete."""
        with self._connection:
            self._connection.execute("UPDATE runs SET finished_unix_seconds = ? WHERE id = ?", (time.time(), run))

    def cells(self, run: int) -> tuple[CellResult, ...]:
        """All results of a run, by network and board."""
        with closing(
            self._connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM cells WHERE run = ? ORDER BY network, board", (run,)
            )
        ) as rows:
            return tuple(CellResult(*row) for row in rows)

    def last_good(self, before: int) -> dict[tuple[str, str], CellResult]:
        """The last good result of every cell in the finished runs before run ``before``, by network and board."""
        found: dict[tuple[str, str], CellResult] = {}
        rows = self._connection.execute(
            "SELECT id FROM runs WHERE finished_unix_seconds IS NOT NULL AND id < ? ORDER BY id", (before,)
        ).fetchall()
        for (run,) in rows:
            found.update({(cell.network, cell.board): cell for cell in self.cells(int(run)) if cell.good})
        return found
