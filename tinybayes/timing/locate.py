"""Where an address of an image comes from: function, file and line."""

from pathlib import Path

from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.elf.elffile import ELFFile

from tinybayes.build.elf import function_ranges


def locate(elf: Path, address: int) -> str:
    """``"function (file:line)"`` of ``address``, as far as symbols and DWARF tell."""
    ranges = function_ranges(elf).items()
    name = next((name for name, (first, size) in ranges if first <= address < first + size), "an unknown function")
    with elf.open("rb") as file:
        image = ELFFile(file)
        line = _line(image.get_dwarf_info(), address) if image.has_dwarf_info() else None
    return f"{name} ({line})" if line is not None else name


def _line(dwarf: DWARFInfo, address: int) -> str | None:
    """``"file:line"`` by the line tables, DWARF 5 section 6.2."""
    for unit in dwarf.iter_CUs():
        program = dwarf.line_program_for_CU(unit)
        if program is None:
            continue
        files = program.header["file_entry"]
        before = None
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            if before is not None and before.address <= address < state.address:
                # File numbers count from 1 up to DWARF 4, and from 0 since.
                number = before.file if program.header["version"] >= 5 else before.file - 1
                return f"{files[number].name.decode(errors='replace')}:{before.line}"
            before = None if state.end_sequence else state
    return None
