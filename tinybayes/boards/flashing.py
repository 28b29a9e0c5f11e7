"""How images get onto a board: what its file says under ``[[flashing]]``, the best way first."""

from dataclasses import dataclass

from tinybayes.boards.schema import Table

METHODS = ("openocd", "pyocd", "uf2", "drive")


@dataclass(frozen=True)
class OpenOcd:
    """OpenOCD with its own ``configs``, which are paths below its directory of scripts."""

    configs: tuple[str, ...]
    method: str = "openocd"


@dataclass(frozen=True)
class PyOcd:
    """pyOCD, which has ``target`` built in, so that no pack is downloaded."""

    target: str
    method: str = "pyocd"


@dataclass(frozen=True)
class Uf2:
    """A UF2 file, copied to the drive called ``label`` that the chip's boot loader offers; ``button`` starts that."""

    family_id: int
    label: str
    button: str
    method: str = "uf2"


@dataclass(frozen=True)
class Drive:
    """An Intel HEX file, copied to the drive called ``label`` that the board's interface chip offers."""

    label: str
    method: str = "drive"


Flashing = OpenOcd | PyOcd | Uf2 | Drive


def take_flashing(table: Table) -> tuple[Flashing, ...]:
    """The ways in ``table``, none where it has none.

    Raises BoardError, naming file and key, for unknown, missing or wrong keys and for a method given twice.
    """
    if not table.has("flashing"):
        return ()
    ways: list[Flashing] = []
    for child in table.take_tables("flashing"):
        way = _take_one(child)
        child.take_text("source")
        if way.method in (known.method for known in ways):
            raise child.error("method", f"{way.method!r} is there twice")
        ways.append(way)
    return tuple(ways)


def _take_one(table: Table) -> Flashing:
    method = table.take_text("method", METHODS)
    if method == "openocd":
        configs = table.take_texts("configs")
        for config in configs:
            if not config.endswith(".cfg") or config.startswith("/") or ".." in config:
                raise table.error("configs", f"got {config!r}, wanted a path like 'board/st_nucleo_f4.cfg'")
        if not configs:
            raise table.error("configs", "is empty, wanted at least one file")
        return OpenOcd(configs)
    if method == "pyocd":
        return PyOcd(table.take_text("target"))
    if method == "uf2":
        family_id = table.take_integer("family_id", 1, 0xFFFF_FFFF, sourced=False)
        return Uf2(family_id, table.take_text("label"), table.take_text("button"))
    return Drive(table.take_text("label"))
