"""The file that says which networks run on which boards, and how those are reached."""

import re
from dataclasses import dataclass
from pathlib import Path

from tinybayes.boards import load_board
from tinybayes.boards.flashing import METHODS
from tinybayes.boards.schema import Table
from tinybayes.errors import BoardError, UserError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
OBJECTIVES = ("flash", "latency", "balanced")


@dataclass(frozen=True)
class NetworkEntry:
    """A network: a .tbn file, and what it is compiled for."""

    name: str
    file: Path
    objective: str


@dataclass(frozen=True)
class BoardEntry:
    """A board at hand: ``on`` is ``qemu`` or the URL of its port; it is flashed first where ``flash`` says so."""

    name: str
    board: str
    on: str
    flash: bool
    method: str | None
    probe: str | None
    drive: Path | None


@dataclass(frozen=True)
class Bench:
    """All of the file. Ratios say how much worse memory and latency may get from one run to the next."""

    file: Path
    samples: int
    runs: int
    memory_ratio: float
    latency_ratio: float
    networks: tuple[NetworkEntry, ...]
    boards: tuple[BoardEntry, ...]


def read_bench(path: Path) -> Bench:
    """Reads and checks the file; paths in it are relative to its directory.

    Raises BoardError, naming file and key, for what is unknown, missing, wrong or there twice, and UserError where
    the file is not there.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; docs/hardware.md shows what belongs into it")
    table = Table.read(path)
    bench = Bench(
        file=path,
        samples=table.take_integer("samples", 1, 100_000, sourced=False) if table.has("samples") else 16,
        runs=table.take_integer("runs", 1, 10_000, sourced=False) if table.has("runs") else 10,
        memory_ratio=table.take_real("memory_ratio", 1.0, 100.0) if table.has("memory_ratio") else 1.01,
        latency_ratio=table.take_real("latency_ratio", 1.0, 100.0) if table.has("latency_ratio") else 1.02,
        networks=tuple(_network(one) for one in table.take_tables("network")),
        boards=tuple(_board(one) for one in table.take_tables("board")),
    )
    table.refuse_unknown()
    for what, entries in (("network", bench.networks), ("board", bench.boards)):
        names = [entry.name for entry in entries]
        if not names:
            raise table.error(what, f"is empty, wanted at least one [[{what}]]")
        for place, name in enumerate(names, 1):
            if name in names[: place - 1]:
                raise table.error(f"{what}[{place}].name", f"{name!r} is there twice")
    return bench


def _network(table: Table) -> NetworkEntry:
    file = table.path.parent / table.take_text("file")
    if not file.is_file():
        raise table.error("file", f"there is no file {file}")
    objective = table.take_text("objective", OBJECTIVES) if table.has("objective") else "balanced"
    return NetworkEntry(_name(table), file, objective)


def _board(table: Table) -> BoardEntry:
    name = table.take_text("board")
    try:
        board = load_board(name)
    except BoardError as error:
        raise table.error("board", str(error)) from error
    on = table.take_text("on")
    if on == "qemu" and not board.emulated:
        raise table.error("on", f"got 'qemu', which does not emulate {name}; give the URL of a port")
    if on != "qemu" and not re.search(r"[/:]|^COM\d+$", on):
        raise table.error("on", f"got {on!r}, wanted 'qemu' or the URL of a port, as usb:0483:374b or labgrid:PLACE")
    flash = table.take_boolean("flash") if table.has("flash") else False
    if flash and not board.flashing:
        raise table.error("flash", f"got true, but {name} is a board as QEMU emulates it")
    return BoardEntry(
        name=_name(table),
        board=name,
        on=on,
        flash=flash,
        method=table.take_text("method", METHODS) if table.has("method") else None,
        probe=table.take_text("probe") if table.has("probe") else None,
        drive=Path(table.take_text("drive")) if table.has("drive") else None,
    )


def _name(table: Table) -> str:
    name = table.take_text("name")
    if not _NAME.fullmatch(name):
        raise table.error("name", f"got {name!r}, wanted up to 64 letters, digits, dots, dashes and underscores")
    return name
