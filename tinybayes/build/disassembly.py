"""The machine code of an image as instructions, with the constants that they load and the data around them."""

import bisect
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tinybayes.build.program import run_program
from tinybayes.build.toolchain import require
from tinybayes.errors import FileFormatError, ToolError

_DISASSEMBLY_SECONDS = 120.0
_SYMBOL = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S+)(?:\t([^@;]*))?(?:[@;]\s*(.*))?$")
_LITERAL = re.compile(r"\(?([0-9a-f]+) <")
_SHF_ALLOC = 2


@dataclass(frozen=True)
class Instruction:
    """One instruction, its name without width suffix. ``symbol`` is the function it stands in.

    ``loaded`` is the constant that a load from the literal pool fetches, None for all others.
    """

    address: int
    name: str
    operands: str
    symbol: str
    following: int
    loaded: int | None = None


@dataclass(frozen=True)
class DataObject:
    """A constant or variable: its name, where it lies, and its initial words (empty where it has none)."""

    name: str
    address: int
    size_bytes: int
    words: tuple[int, ...]
    writable: bool


@dataclass(frozen=True)
class Disassembly:
    """``instructions`` by address, ``functions`` name to address, ``objects`` in the order of addresses."""

    instructions: Mapping[int, Instruction]
    functions: Mapping[str, int]
    objects: tuple[DataObject, ...]

    @cached_property
    def by_symbol(self) -> Mapping[str, tuple[Instruction, ...]]:
        """The instructions of each function in order."""
        grouped: dict[str, list[Instruction]] = {}
        for instruction in self.instructions.values():
            grouped.setdefault(instruction.symbol, []).append(instruction)
        return {symbol: tuple(body) for symbol, body in grouped.items()}

    @cached_property
    def _before(self) -> Mapping[int, Instruction]:
        return {one.following: one for one in self.instructions.values()}

    def before(self, instruction: Instruction) -> Instruction | None:
        """The instruction in front of this one in the same function."""
        found = self._before.get(instruction.address)
        return found if found is not None and found.symbol == instruction.symbol else None

    def function_at(self, value: int) -> int | None:
        """The address of the function that a pointer (Thumb bit set) of this value leads to, or None."""
        return value & ~1 if value & 1 and (value & ~1) in self._starts else None

    @cached_property
    def _starts(self) -> frozenset[int]:
        return frozenset(self.functions.values())

    @cached_property
    def _object_addresses(self) -> list[int]:
        return [one.address for one in self.objects]

    def object_at(self, address: int) -> DataObject | None:
        """The object that ``address`` lies in, or None."""
        index = bisect.bisect_right(self._object_addresses, address) - 1
        if index < 0 or address >= self.objects[index].address + self.objects[index].size_bytes:
            return None
        return self.objects[index]


def disassemble(elf: Path) -> Disassembly:
    """All code of ``elf``, an image with symbols.

    Raises ToolError where the disassembler is missing or fails, FileFormatError where ``elf`` is no ELF file.
    """
    objdump = require("arm-none-eabi-gcc").with_name("arm-none-eabi-objdump")
    done = run_program([objdump, "-d", "--no-show-raw-insn", elf], _DISASSEMBLY_SECONDS)
    if done.status != 0:
        raise ToolError(f"{objdump} could not disassemble {elf}: {done.last(1000) or 'it took too long'}")
    memory = _read_memory(elf)
    functions: dict[str, int] = {}
    rows: list[tuple[int, str, str, str, str]] = []
    symbol = ""
    for line in done.output.splitlines():
        header = _SYMBOL.match(line)
        if header is not None:
            symbol = header[2]
            functions[symbol] = int(header[1], 16)
            continue
        row = _INSTRUCTION.match(line)
        if row is not None:
            name = row[2].removesuffix(".w").removesuffix(".n")
            rows.append((int(row[1], 16), name, (row[3] or "").strip(), row[4] or "", symbol))
    objects = tuple(sorted(memory.objects(), key=lambda one: one.address))
    data = {one.name for one in objects}
    return Disassembly(
        _instructions(rows, memory),
        {name: at for name, at in functions.items() if name not in data},
        objects,
    )


def _instructions(rows: list[tuple[int, str, str, str, str]], memory: "_Memory") -> dict[int, Instruction]:
    found: dict[int, Instruction] = {}
    ends = [row[0] for row in rows[1:]] + [rows[-1][0] + 4] if rows else []
    for (address, name, operands, comment, symbol), following in zip(rows, ends, strict=True):
        if name.startswith("."):
            continue
        literal = _LITERAL.match(comment) if name == "ldr" and "[pc" in operands else None
        loaded = memory.word(int(literal[1], 16)) if literal is not None else None
        found[address] = Instruction(address, name, operands, symbol, following, loaded)
    return found


@dataclass(frozen=True)
class _Memory:
    """The stored bytes of an image, and its objects as (name, address, size, writable)."""

    pieces: tuple[tuple[int, bytes], ...]
    named: tuple[tuple[str, int, int, bool], ...]

    def word(self, address: int) -> int | None:
        for start, data in self.pieces:
            if start <= address and address + 4 <= start + len(data):
                return int(struct.unpack_from("<I", data, address - start)[0])
        return None

    def objects(self) -> Iterable[DataObject]:
        for name, address, size_bytes, writable in self.named:
            words = (self.word(at) for at in range((address + 3) & ~3, address + size_bytes - 3, 4))
            yield DataObject(name, address, size_bytes, tuple(w for w in words if w is not None), writable)


def _read_memory(elf: Path) -> _Memory:
    with elf.open("rb") as file:
        try:
            image = ELFFile(file)
            sections = [s for s in image.iter_sections() if s["sh_flags"] & _SHF_ALLOC and s["sh_size"]]
            pieces = tuple((s["sh_addr"], s.data()) for s in sections if s["sh_type"] != "SHT_NOBITS")
            table = image.get_section_by_name(".symtab")
            if not isinstance(table, SymbolTableSection):
                raise FileFormatError(f"{elf} has no symbols")
            named = []
            for symbol in table.iter_symbols():
                if symbol["st_info"]["type"] == "STT_OBJECT" and isinstance(symbol["st_shndx"], int):
                    writable = bool(image.get_section(symbol["st_shndx"])["sh_flags"] & 1)
                    named.append((symbol.name, symbol["st_value"], symbol["st_size"], writable))
        except ELFError as error:
            raise FileFormatError(f"{elf} is not an ELF file: {error}") from error
    return _Memory(pieces, tuple(named))
