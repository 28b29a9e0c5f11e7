"""Reads GNU ld's map: which input section of which object lies where."""

import re
from dataclasses import dataclass
from pathlib import Path

from tinybayes.errors import FileFormatError

_START = "Linker script and memory map"
# " .rodata.x  0x0000000000000120  0x40 CMakeFiles/network.dir/network/x.c.obj"; the name may stand on a line before.
_PLACED = re.compile(r"^ (?P<name>\S+)?\s+0x(?P<address>[0-9a-f]+)\s+0x(?P<size>[0-9a-f]+)(?: (?P<object>\S.*))?$")
_OUTPUT_SECTION = re.compile(r"^(?P<name>[./]\S+)(?:\s+0x[0-9a-f]+\s+0x[0-9a-f]+.*)?$")
_NAME_ALONE = re.compile(r"^ (?P<name>\.?[^\s*(][^\s(]*)$")
FILL = "*fill*"


_LOADED = re.compile(r"^LOAD (\S.*)$", re.MULTILINE)


def loaded_files(path: Path) -> tuple[str, ...]:
    """The object files and libraries that the linker was given, as the map at ``path`` names them."""
    return tuple(_LOADED.findall(path.read_text(errors="replace")))


@dataclass(frozen=True)
class PlacedSection:
    """``size_bytes`` bytes at ``address`` in ``output_section`` that came from section ``name`` of ``object_file``.

    For padding that the linker put in, ``name`` is ``"*fill*"`` and ``object_file`` is empty.
    """

    name: str
    address: int
    size_bytes: int
    object_file: str
    output_section: str


def read_link_map(path: Path) -> list[PlacedSection]:
    """Every placed input section of nonzero size, in the map's order (debugging sections included).

    Raises FileFormatError where ``path`` is not a map that GNU ld wrote.
    """
    lines = path.read_text(errors="replace").splitlines()
    try:
        first = lines.index(_START) + 1
    except ValueError as error:
        raise FileFormatError(f"{path} is not a GNU ld map: it has no line '{_START}'") from error
    placed: list[PlacedSection] = []
    output_section = name_before = ""
    for line in lines[first:]:
        output = _OUTPUT_SECTION.match(line)
        if output is not None:
            output_section, name_before = output["name"], ""
            continue
        alone = _NAME_ALONE.match(line)
        if alone is not None:
            name_before = alone["name"]
            continue
        found = _PLACED.match(line)
        if found is not None:
            name, object_file = found["name"] or name_before, (found["object"] or "").strip()
            size_bytes = int(found["size"], 16)
            if size_bytes and name and (object_file or name == FILL):
                # Behind *fill* ld writes the pattern it fills with, where there is one.
                origin = "" if name == FILL else object_file
                placed.append(PlacedSection(name, int(found["address"], 16), size_bytes, origin, output_section))
        name_before = ""
    return placed
