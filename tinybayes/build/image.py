"""Memory to the byte: which object file each byte of an image comes from, in flash and in RAM.

Flash is what ``objcopy -O binary`` would write: from the first to the last loaded byte by load address, initial
values of ``.data`` and alignment included. The network's part is every input section that the linker took from an
object of ``network/``. Padding counts for the network where it lies between two of its sections (then it is there
for the alignment of the second and counts as the second does), and for the rest of the image elsewhere.
"""

import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path

from tinybayes.build.elf import Section, Symbols, read_sections, read_symbols
from tinybayes.build.linkmap import FILL, PlacedSection, read_link_map
from tinybayes.errors import FileFormatError, InternalError

_NETWORK_OBJECT = re.compile(r"(^|/)CMakeFiles/[^/]+\.dir/network/[^/]+$")
_STACK_SECTION = ".stack"


@dataclass(frozen=True)
class Piece:
    """Bytes of an image that one section of one object file put there, or padding (``object_file`` is empty).

    ``name`` is the section's, as ``.text.main``, and ``"*fill*"`` for padding; ``function`` is the first function in
    it, if any. ``literal_bytes`` of its code are no instructions. ``network`` says that it counts for the network.
    ``data`` is what is stored; empty for variables without initial values.
    """

    name: str
    object_file: str
    size_bytes: int
    code: bool
    network: bool
    literal_bytes: int = 0
    function: str | None = None
    data: bytes = field(default=b"", repr=False)

    @property
    def is_padding(self) -> bool:
        """Whether nothing but alignment put these bytes there."""
        return not self.object_file


@dataclass(frozen=True)
class Image:
    """``flash`` is every byte of the image, ``variables`` every byte of static RAM but the stack, piece by piece.

    Where initial values are stored, they are in both. ``reserved_stack_bytes`` is what the linker script sets aside
    for the stack (0 where it has no ``.stack`` section).
    """

    flash: tuple[Piece, ...]
    variables: tuple[Piece, ...]
    reserved_stack_bytes: int

    @property
    def image_bytes(self) -> int:
        """All of flash."""
        return sum(piece.size_bytes for piece in self.flash)

    @property
    def network_bytes(self) -> int:
        """What counts for the network: its constants and its code."""
        return sum(piece.size_bytes for piece in self.flash if piece.network)

    @property
    def other_bytes(self) -> int:
        """The rest of the image."""
        return self.image_bytes - self.network_bytes

    @property
    def static_ram_bytes(self) -> int:
        """Every variable, initialised or not, without the stack."""
        return sum(piece.size_bytes for piece in self.variables)


def read_image(elf: Path, link_map: Path) -> Image:
    """The image in ``elf``, whose map ``link_map`` GNU ld wrote in the same run.

    Raises FileFormatError where a file is not what it should be or the two do not belong together, and
    InternalError where an object of ``network/`` has variables (``.data``, ``.bss``), which no network may have.
    """
    sections, symbols = read_sections(elf), read_symbols(elf)
    stored = sorted((s for s in sections if s.stored), key=lambda s: s.load_address)
    if not stored:
        raise FileFormatError(f"{elf} holds nothing that is stored in flash")
    placed = read_link_map(link_map)
    _refuse_variables(elf, sections, placed)
    flash: list[Piece] = []
    for section, following in itertools.zip_longest(stored, stored[1:]):
        flash += _pieces(section, placed, symbols, link_map)
        if following is None:
            break
        gap_bytes = following.load_address - section.load_address - section.size_bytes
        if gap_bytes < 0:
            raise FileFormatError(f"{elf}: sections {section.name} and {following.name} overlap where they are stored")
        if gap_bytes:
            flash.append(Piece(FILL, "", gap_bytes, code=False, network=False))
    if not any(piece.network for piece in flash):
        raise FileFormatError(
            f"{link_map} places nothing of an object of network/ in {elf}; the two do not belong together"
        )
    in_ram = [s for s in sections if s.writable or not s.stored]
    variables = [p for s in in_ram if s.name != _STACK_SECTION for p in _pieces(s, placed, symbols, link_map)]
    stack_bytes = sum(s.size_bytes for s in in_ram if s.name == _STACK_SECTION)
    return Image(tuple(flash), tuple(variables), stack_bytes)


def is_network_object(object_file: str) -> bool:
    """Whether the object file, as a linker's map or a build directory names it, was made from ``network/``."""
    return _NETWORK_OBJECT.search(object_file) is not None


def _is_code(name: str) -> bool:
    return name == ".text" or name.startswith(".text.")


def _pieces(section: Section, placed: list[PlacedSection], symbols: Symbols, link_map: Path) -> list[Piece]:
    """The pieces of one output section by address; what no input section covers is padding."""
    pieces: list[Piece] = []
    at = section.address
    inputs = sorted((p for p in placed if p.output_section == section.name and p.name != FILL), key=lambda p: p.address)
    before: PlacedSection | None = None
    for one in inputs:
        if one.address < at or one.address + one.size_bytes > section.end:
            raise FileFormatError(
                f"{link_map}: {one.name} of {one.object_file or 'the linker'} at {one.address:#x} lies outside "
                f"{section.name} or on what comes before it; the map does not belong to this image"
            )
        if one.address > at:
            pieces.append(_padding(before, one, one.address - at))
        end = one.address + one.size_bytes
        pieces.append(
            Piece(
                name=one.name,
                object_file=one.object_file,
                size_bytes=one.size_bytes,
                code=_is_code(one.name),
                network=is_network_object(one.object_file),
                literal_bytes=symbols.literal_bytes(one.address, end) if _is_code(one.name) else 0,
                function=symbols.function_in(one.address, end) if section.code else None,
                data=section.data[one.address - section.address : end - section.address],
            )
        )
        at, before = end, one
    if at < section.end:
        pieces.append(_padding(before, None, section.end - at))
    return pieces


def _padding(before: PlacedSection | None, after: PlacedSection | None, size_bytes: int) -> Piece:
    """Padding between two input sections."""
    network = (
        before is not None
        and after is not None
        and is_network_object(before.object_file)
        and is_network_object(after.object_file)
    )
    return Piece(FILL, "", size_bytes, code=after is not None and _is_code(after.name), network=network)


def _refuse_variables(elf: Path, sections: tuple[Section, ...], placed: list[PlacedSection]) -> None:
    writable = {section.name for section in sections if section.writable}
    for piece in placed:
        if piece.output_section in writable and is_network_object(piece.object_file):
            raise InternalError(
                f"{elf}: the network has {piece.size_bytes} bytes of variables in section {piece.name} of "
                f"{piece.object_file}; a network's data is all constant or in the arena"
            )
