"""The machine code of an ELF file as text, instruction by instruction.

Capstone does it for every core but the Cortex-M55: Capstone 5 stops at the first MVE instruction, so LLVM's
disassembler does it there. Data among the code is told by the mapping symbols ``$t`` and ``$d`` (Arm IHI 0044, 5.5.5).
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import capstone
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tinybayes.build.toolchain import require
from tinybayes.errors import FileFormatError, ToolError

_EXECUTABLE = 4  # SHF_EXECINSTR
_DISASSEMBLY_SECONDS = 120.0
_MVE_CORES = frozenset({"cortex-m55"})
_LLVM_LINE = re.compile(
    r"^\s*(?P<at>[0-9a-f]+): (?P<code>(?:[0-9a-f]{4} ?){1,2})\s*\t(?P<name>\S+)(?:\s+(?P<rest>.*))?$"
)
_LLVM_OPTIONS = ("-d", "--triple=thumbv8.1m.main-none-eabi", "--mattr=+mve.fp,+fp64,+lob,+dsp")


@dataclass(frozen=True)
class Line:
    """One instruction as text."""

    address: int
    size_bytes: int
    mnemonic: str
    operands: str


@dataclass(frozen=True)
class CodeRange:
    """Bytes of code that hold no data; ``address`` is that of the first."""

    address: int
    content: bytes


def code_ranges(elf: Path) -> tuple[CodeRange, ...]:
    """The code of ``elf`` in ascending order, without literal pools and other data.

    Raises FileFormatError where ``elf`` is no ELF file or has no mapping symbols.
    """
    try:
        with elf.open("rb") as file:
            image = ELFFile(file)
            table = image.get_section_by_name(".symtab")
            if not isinstance(table, SymbolTableSection):
                raise FileFormatError(f"{elf} has no symbols, so its code cannot be told from its data")
            marks = sorted(
                (symbol["st_value"], symbol.name[1])
                for symbol in table.iter_symbols()
                if re.fullmatch(r"\$[tad](\..*)?", symbol.name)
            )
            ranges: list[CodeRange] = []
            for section in image.iter_sections():
                if section["sh_flags"] & _EXECUTABLE and section["sh_type"] != "SHT_NOBITS":
                    ranges += _code_in(section["sh_addr"], section.data(), marks)
    except ELFError as error:
        raise FileFormatError(f"{elf} is not an ELF file: {error}") from error
    return tuple(sorted(ranges, key=lambda one: one.address))


def _code_in(address: int, content: bytes, marks: list[tuple[int, str]]) -> Iterator[CodeRange]:
    end = address + len(content)
    inside = [(at, kind) for at, kind in marks if address <= at < end]
    following = [at for at, _ in inside[1:]] + [end]
    for (start, kind), stop in zip(inside, following, strict=True):
        if kind == "t" and stop > start:
            yield CodeRange(start, content[start - address : stop - address])


def disassemble(elf: Path, core: str) -> Iterator[Line]:
    """Every instruction of ``elf``, code for ``core`` (``"cortex-m4"``), in ascending order.

    Bytes that are no instruction are left out. Raises ToolError where the core wants LLVM's disassembler and it is
    missing or fails, FileFormatError as :func:`code_ranges` does.
    """
    if core in _MVE_CORES:
        yield from _by_llvm(elf)
        return
    mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
    if core == "cortex-m33":
        mode |= capstone.CS_MODE_V8
    engine = capstone.Cs(capstone.CS_ARCH_ARM, mode)
    for piece in code_ranges(elf):
        yield from _by_capstone(engine, piece)


def _by_capstone(engine: capstone.Cs, piece: CodeRange) -> Iterator[Line]:
    offset = 0
    while offset + 2 <= len(piece.content):
        for address, size_bytes, mnemonic, operands in engine.disasm_lite(
            piece.content[offset:], piece.address + offset
        ):
            yield Line(address, size_bytes, mnemonic, operands)
            offset = address + size_bytes - piece.address
        # Where the engine stopped: beyond an instruction that it does not know, or at the end.
        if offset + 2 <= len(piece.content):
            offset += _size_bytes(piece.content, offset)


def _size_bytes(content: bytes, offset: int) -> int:
    """Thumb's own rule: a first halfword of 0b11101, 0b11110 or 0b11111 begins an instruction of 32 bits."""
    return 4 if content[offset + 1] >> 3 in (0b11101, 0b11110, 0b11111) else 2


def _by_llvm(elf: Path) -> Iterator[Line]:
    objdump = require("llvm-objdump")
    code_ranges(elf)  # its errors are clearer than the program's
    try:
        done = subprocess.run(
            [objdump, *_LLVM_OPTIONS, elf], capture_output=True, text=True, errors="replace",
            timeout=_DISASSEMBLY_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{objdump} could not disassemble {elf}: {error}") from error
    if done.returncode != 0:
        raise ToolError(f"{objdump} could not disassemble {elf}: {done.stderr.strip()}")
    for text in done.stdout.splitlines():
        found = _LLVM_LINE.match(text)
        if found is not None and not found["name"].startswith((".", "<")):
            size_bytes = len(found["code"].replace(" ", "")) // 2
            yield Line(int(found["at"], 16), size_bytes, found["name"], (found["rest"] or "").partition("@")[0].strip())
