"""Memory to the byte: what an image stores in flash and RAM, and which part of it is the network's.

Flash is what ``objcopy -O binary`` would write: from the first to the last loaded byte by load address, initial
values of ``.data`` and alignment included. The network's part is every input section that the linker took from an
object of ``network/``. Padding counts for the network where it lies between two of its sections (then it is there
for the alignment of the second and counts as the second does), and for the rest of the image elsewhere.
"""

import bisect
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tinybayes.build.linkmap import FILL, PlacedSection, read_link_map
from tinybayes.errors import FileFormatError, InternalError

_NETWORK_OBJECT = re.compile(r"(^|/)CMakeFiles/[^/]+\.dir/network/[^/]+$")
_STACK_SECTION = ".stack"
_SHF_WRITE, _SHF_ALLOC = 1, 2


@dataclass(frozen=True)
class SymbolSize:
    """``kind`` is ``"code"`` or ``"constant"``; ``section`` is the input section that holds the symbol."""

    kind: str
    size_bytes: int
    section: str
    object_file: str


@dataclass(frozen=True)
class ImageSizes:
    """Sizes of one image in bytes: ``network_constant + network_code + other == image``.

    ``static_ram_bytes`` is every variable, initialised or not, without the stack; ``reserved_stack_bytes`` is what
    the linker script sets aside for that (0 where it has no ``.stack`` section). ``symbols`` are the functions and
    constants of the network's objects; a name that several of these objects have for themselves (``static``) is
    summed up. What alignment adds belongs to no symbol.
    """

    network_constant_bytes: int
    network_code_bytes: int
    other_bytes: int
    image_bytes: int
    static_ram_bytes: int
    reserved_stack_bytes: int
    symbols: Mapping[str, SymbolSize] = field(repr=False)


@dataclass(frozen=True)
class _OutputSection:
    name: str
    address: int
    load_address: int
    size_bytes: int
    flags: int
    stored: bool

    @property
    def end(self) -> int:
        return self.address + self.size_bytes


@dataclass(frozen=True)
class _Symbol:
    name: str
    address: int
    size_bytes: int


def measure_image(elf: Path, link_map: Path) -> ImageSizes:
    """Sizes of the image in ``elf``, whose map ``link_map`` GNU ld wrote in the same run.

    Raises FileFormatError where a file is not what it should be or the two do not belong together, and
    InternalError where an object of ``network/`` has variables (``.data``, ``.bss``), which no network may have.
    """
    outputs, symbols = _read_elf(elf)
    stored = sorted((s for s in outputs if s.stored), key=lambda s: s.load_address)
    if not stored:
        raise FileFormatError(f"{elf} holds nothing that is stored in flash")
    for before, after in itertools.pairwise(stored):
        if before.load_address + before.size_bytes > after.load_address:
            raise FileFormatError(f"{elf}: sections {before.name} and {after.name} overlap where they are stored")
    image_bytes = stored[-1].load_address + stored[-1].size_bytes - stored[0].load_address
    placed = read_link_map(link_map)
    _refuse_variables(elf, outputs, placed)
    constant_bytes = code_bytes = 0
    network_sections: list[PlacedSection] = []
    for output in stored:
        pieces = _pieces_of(output, placed, link_map)
        for piece, owner in _with_owner(pieces):
            if owner is None:
                continue
            if _is_code(owner):
                code_bytes += piece.size_bytes
            else:
                constant_bytes += piece.size_bytes
            if piece is owner:
                network_sections.append(piece)
    if not network_sections:
        raise FileFormatError(
            f"{link_map} places nothing of an object of network/ in {elf}; the two do not belong together"
        )
    ram = [s for s in outputs if s.flags & _SHF_WRITE or not s.stored]
    stack_bytes = sum(s.size_bytes for s in ram if s.name == _STACK_SECTION)
    return ImageSizes(
        network_constant_bytes=constant_bytes,
        network_code_bytes=code_bytes,
        other_bytes=image_bytes - constant_bytes - code_bytes,
        image_bytes=image_bytes,
        static_ram_bytes=sum(s.size_bytes for s in ram) - stack_bytes,
        reserved_stack_bytes=stack_bytes,
        symbols=_symbols_in(network_sections, symbols),
    )


def function_ranges(elf: Path) -> dict[str, tuple[int, int]]:
    """Address (Thumb bit cleared) and size in bytes of every function in ``elf``."""
    with elf.open("rb") as file:
        try:
            table = ELFFile(file).get_section_by_name(".symtab")
            if not isinstance(table, SymbolTableSection):
                raise FileFormatError(f"{elf} has no symbols")
            return {
                s.name: (s["st_value"] & ~1, s["st_size"])
                for s in table.iter_symbols()
                if s["st_info"]["type"] == "STT_FUNC"
            }
        except ELFError as error:
            raise FileFormatError(f"{elf} is not an ELF file: {error}") from error


def constant_range(elf: Path) -> tuple[int, int]:
    """First address of what ``elf`` holds in flash, code and constants, and the first address behind it."""
    outputs, _ = _read_elf(elf)
    kept = [s for s in outputs if s.stored and not s.flags & _SHF_WRITE]
    if not kept:
        raise FileFormatError(f"{elf} holds nothing that is stored and constant")
    return min(s.address for s in kept), max(s.end for s in kept)


def _read_elf(elf: Path) -> tuple[list[_OutputSection], list[_Symbol]]:
    with elf.open("rb") as file:
        try:
            image = ELFFile(file)
            loads = [p for p in image.iter_segments() if p["p_type"] == "PT_LOAD"]
            outputs: list[_OutputSection] = []
            for section in image.iter_sections():
                header = section.header
                if not header["sh_flags"] & _SHF_ALLOC or header["sh_size"] == 0:
                    continue
                address = header["sh_addr"]
                segment = next((p for p in loads if p["p_vaddr"] <= address < p["p_vaddr"] + p["p_memsz"]), None)
                shift = segment["p_paddr"] - segment["p_vaddr"] if segment is not None else 0
                outputs.append(
                    _OutputSection(
                        section.name,
                        address,
                        address + shift,
                        header["sh_size"],
                        header["sh_flags"],
                        stored=header["sh_type"] != "SHT_NOBITS" and segment is not None,
                    )
                )
            table = image.get_section_by_name(".symtab")
            symbols = [
                _Symbol(s.name, s["st_value"] & ~1 if kind == "STT_FUNC" else s["st_value"], s["st_size"])
                for s in (table.iter_symbols() if isinstance(table, SymbolTableSection) else ())
                if s["st_size"] and (kind := s["st_info"]["type"]) in ("STT_FUNC", "STT_OBJECT")
            ]
        except ELFError as error:
            raise FileFormatError(f"{elf} is not an ELF file: {error}") from error
    return outputs, symbols


def _is_network(piece: PlacedSection) -> bool:
    return _NETWORK_OBJECT.search(piece.object_file) is not None


def _is_code(piece: PlacedSection) -> bool:
    return piece.name == ".text" or piece.name.startswith(".text.")


def _pieces_of(output: _OutputSection, placed: list[PlacedSection], link_map: Path) -> list[PlacedSection]:
    """The pieces of one output section by address, with explicit padding where the map leaves a gap."""
    pieces: list[PlacedSection] = []
    at = output.address
    for piece in sorted((p for p in placed if p.output_section == output.name), key=lambda p: p.address):
        if piece.address < at or piece.address + piece.size_bytes > output.end:
            raise FileFormatError(
                f"{link_map}: {piece.name} of {piece.object_file or 'the linker'} at {piece.address:#x} lies outside "
                f"{output.name} or on what comes before it; the map does not belong to this image"
            )
        if piece.address > at:
            pieces.append(PlacedSection(FILL, at, piece.address - at, "", output.name))
        pieces.append(piece)
        at = piece.address + piece.size_bytes
    if at < output.end:
        pieces.append(PlacedSection(FILL, at, output.end - at, "", output.name))
    return pieces


def _with_owner(pieces: list[PlacedSection]) -> list[tuple[PlacedSection, PlacedSection | None]]:
    """Each piece with the network section that its bytes count for, or None where they are not the network's."""
    owned: list[tuple[PlacedSection, PlacedSection | None]] = []
    real = [p for p in pieces if p.name != FILL]
    starts = [p.address for p in real]
    for piece in pieces:
        if piece.name != FILL:
            owned.append((piece, piece if _is_network(piece) else None))
            continue
        after = bisect.bisect_left(starts, piece.address)
        between = 0 < after < len(real) and _is_network(real[after - 1]) and _is_network(real[after])
        owned.append((piece, real[after] if between else None))
    return owned


def _refuse_variables(elf: Path, outputs: list[_OutputSection], placed: list[PlacedSection]) -> None:
    writable = {s.name for s in outputs if s.flags & _SHF_WRITE}
    for piece in placed:
        if piece.output_section in writable and _is_network(piece):
            raise InternalError(
                f"{elf}: the network has {piece.size_bytes} bytes of variables in section {piece.name} of "
                f"{piece.object_file}; a network's data is all constant or in the arena"
            )


def _symbols_in(sections: list[PlacedSection], symbols: list[_Symbol]) -> Mapping[str, SymbolSize]:
    ordered = sorted(sections, key=lambda s: s.address)
    starts = [s.address for s in ordered]
    sizes: dict[str, SymbolSize] = {}
    for symbol in symbols:
        index = bisect.bisect_right(starts, symbol.address) - 1
        if index < 0 or symbol.address >= ordered[index].address + ordered[index].size_bytes:
            continue
        section = ordered[index]
        before = sizes[symbol.name].size_bytes if symbol.name in sizes else 0
        kind = "code" if _is_code(section) else "constant"
        sizes[symbol.name] = SymbolSize(kind, before + symbol.size_bytes, section.name, section.object_file)
    return MappingProxyType(sizes)
