"""What an ELF file holds: sections and where they are stored, symbols, and which bytes of code are literals."""

import bisect
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Symbol, SymbolTableSection

from tinybayes.errors import FileFormatError

_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR = 1, 2, 4


@dataclass(frozen=True)
class Section:
    """A section that takes memory on the device.

    ``stored`` says that the image holds it, from ``load_address`` on; ``data`` is its content then, else empty.
    """

    name: str
    address: int
    load_address: int
    size_bytes: int
    writable: bool
    code: bool
    stored: bool
    data: bytes

    @property
    def end(self) -> int:
        """The first address behind the section."""
        return self.address + self.size_bytes


@dataclass(frozen=True)
class Symbols:
    """``functions``: address (Thumb bit cleared) and size of each by name. ``marks``: where code and literals begin.

    A mark is (address, whether literals begin there), as the mapping symbols ``$t`` and ``$d`` say (Arm, ELF for the
    Arm Architecture, IHI 0044, section 5.5.5), in the order of addresses.
    """

    functions: dict[str, tuple[int, int]]
    marks: tuple[tuple[int, bool], ...]

    @cached_property
    def _mark_addresses(self) -> list[int]:
        return [address for address, _ in self.marks]

    def literal_bytes(self, start: int, end: int) -> int:
        """How many of the bytes from ``start`` to ``end`` are literals and tables between instructions."""
        index = max(bisect.bisect_right(self._mark_addresses, start) - 1, 0)
        total = 0
        while index < len(self.marks) and self.marks[index][0] < end:
            address, literal = self.marks[index]
            following = self.marks[index + 1][0] if index + 1 < len(self.marks) else end
            if literal:
                total += max(0, min(following, end) - max(address, start))
            index += 1
        return total

    def function_in(self, start: int, end: int) -> str | None:
        """The name of the first function that begins in ``start .. end``, or None."""
        inside = sorted((at, name) for name, (at, _) in self.functions.items() if start <= at < end)
        return inside[0][1] if inside else None


def read_sections(elf: Path) -> tuple[Section, ...]:
    """The sections of an image or an object file that take memory, empty ones left out.

    In an object file, whose sections have no addresses yet, ``stored`` says that they have a content.
    Raises FileFormatError where ``elf`` is no ELF file.
    """
    with elf.open("rb") as file:
        try:
            image = ELFFile(file)
            relocatable = image["e_type"] == "ET_REL"
            loads = [p for p in image.iter_segments() if p["p_type"] == "PT_LOAD"]
            sections = []
            for section in image.iter_sections():
                flags, address, size_bytes = section["sh_flags"], section["sh_addr"], section["sh_size"]
                if not flags & _SHF_ALLOC or size_bytes == 0:
                    continue
                segment = next((p for p in loads if p["p_vaddr"] <= address < p["p_vaddr"] + p["p_memsz"]), None)
                shift = segment["p_paddr"] - segment["p_vaddr"] if segment is not None else 0
                stored = section["sh_type"] != "SHT_NOBITS" and (relocatable or segment is not None)
                sections.append(
                    Section(
                        name=section.name,
                        address=address,
                        load_address=address + shift,
                        size_bytes=size_bytes,
                        writable=bool(flags & _SHF_WRITE),
                        code=bool(flags & _SHF_EXECINSTR),
                        stored=stored,
                        data=section.data() if stored else b"",
                    )
                )
        except ELFError as error:
            raise FileFormatError(f"{elf} is not an ELF file: {error}") from error
    return tuple(sections)


def read_symbols(elf: Path) -> Symbols:
    """The symbols of an image. Raises FileFormatError where ``elf`` is no ELF file or has none."""
    with elf.open("rb") as file:
        try:
            table = ELFFile(file).get_section_by_name(".symtab")
            if not isinstance(table, SymbolTableSection):
                raise FileFormatError(f"{elf} has no symbols")
            symbols = list(table.iter_symbols())
        except ELFError as error:
            raise FileFormatError(f"{elf} is not an ELF file: {error}") from error
    functions = {s.name: (s["st_value"] & ~1, s["st_size"]) for s in symbols if s["st_info"]["type"] == "STT_FUNC"}
    marks = sorted((s["st_value"], s.name.startswith("$d")) for s in symbols if _is_mark(s))
    return Symbols(functions, tuple(marks))


def constant_range(elf: Path) -> tuple[int, int]:
    """First address of what ``elf`` holds in flash, code and constants, and the first address behind it."""
    kept = [section for section in read_sections(elf) if section.stored and not section.writable]
    if not kept:
        raise FileFormatError(f"{elf} holds nothing that is stored and constant")
    return min(section.address for section in kept), max(section.end for section in kept)


def function_ranges(elf: Path) -> dict[str, tuple[int, int]]:
    """Address (Thumb bit cleared) and size in bytes of every function in ``elf``."""
    return read_symbols(elf).functions


def _is_mark(symbol: Symbol) -> bool:
    return symbol.name[:2] in ("$t", "$d", "$a") and symbol.name[2:3] in ("", ".") and symbol["st_shndx"] != "SHN_ABS"
