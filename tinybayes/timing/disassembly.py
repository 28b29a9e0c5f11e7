"""The machine code of an ELF file as text, instruction by instruction.

Capstone does it for every core but the Cortex-M55: Capstone 5 stops at the first MVE instruction, so LLVM's
disassembler does it there. Data among the code is told by mapping symbols.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import capstone

from tinybayes.build.elf import Section, read_sections, read_symbols
from tinybayes.build.toolchain import require
from tinybayes.errors import ToolError

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

    Raises FileFormatError where ``elf`` is no ELF file or has no symbols, by which the two are told apart.
    """
    marks = read_symbols(elf).marks
    ranges: list[CodeRange] = []
    for section in read_sections(elf):
        if section.code and section.stored:
            ranges += _code_in(section, marks)
    return tuple(sorted(ranges, key=lambda one: one.address))


def _code_in(section: Section, marks: tuple[tuple[int, bool], ...]) -> Iterator[CodeRange]:
    inside = [(at, literal) for at, literal in marks if section.address <= at < section.end]
    following = [at for at, _ in inside[1:]] + [section.end]
    for (start, literal), stop in zip(inside, following, strict=True):
        if not literal and stop > start:
            yield CodeRange(start, section.data[start - section.address : stop - section.address])


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
