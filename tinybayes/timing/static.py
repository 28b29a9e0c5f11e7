"""What an inference executes, found without an emulator: the same trace as QEMU's, and a proof along with it.

The interpreter runs the image's code from the caller, ``main``, on. When it enters the function that calls the steps,
everything in RAM becomes unknown: the input, the arena, the output, and what is left on the stack. Constants in flash,
the three arguments and what is computed from these alone stay known. Where a branch, an address or an operand that
decides how long an instruction takes turns out to be unknown, the run stops with an error. Only a load from a table of
constants may be at an unknown offset: it reads the same memory wherever it reads. A run that reaches the end
has shown that the trace, and with it the run time, is the same for every input.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tinybayes.build.elf import function_ranges
from tinybayes.errors import FileFormatError, InternalError
from tinybayes.timing.disassembly import Line, disassemble
from tinybayes.timing.emulate import Marks
from tinybayes.timing.locate import locate
from tinybayes.timing.thumb.decode import decode
from tinybayes.timing.thumb.library import interpreter
from tinybayes.timing.trace import StepTrace, Trace

_SHF_WRITE, _SHF_ALLOC = 1, 2
_LIMIT_INSTRUCTIONS = 20_000_000_000
_STACK_TOP = "image_stack_top"


@dataclass(frozen=True)
class _Section:
    address: int
    data: bytes
    writable: bool


def static_trace(elf: Path, core: str, marks: Marks) -> Trace:
    """The trace of one inference of the bench image ``elf``, code for ``core`` (``"cortex-m4"``).

    Raises InternalError where the run time could depend on data or where an instruction is not known, with function,
    source line and instruction; FileFormatError where ``elf`` is none; ToolError without a C compiler on the host.
    """
    functions = function_ranges(elf)
    for name in (marks.caller, marks.entry, *marks.steps.values()):
        if functions.get(name, (0, 0))[1] == 0:
            raise InternalError(f"{elf} has no function {name}, so its instructions cannot be told from others'")
    lines = list(disassemble(elf, core))
    owners = {functions[name][0]: 1 + number for number, name in enumerate(marks.steps.values())}
    first, size_bytes = functions[marks.entry]
    owners |= {address: 0 for address in range(first, first + size_bytes, 2)}
    run = _Run(elf, lines, core, owners, 1 + len(marks.steps))
    run.start(functions[marks.caller][0], first)
    parts = run.parts()
    return Trace(MappingProxyType(dict(zip(marks.steps, parts[1:], strict=True))), parts[0])


class _Run:
    """The interpreter's machine with everything that it points to."""

    def __init__(self, elf: Path, lines: list[Line], core: str, owners: Mapping[int, int], owner_count: int) -> None:
        self._elf = elf
        self._lines = lines
        self._ffi, self._library, self._operations = interpreter()
        self._addresses = np.array([line.address for line in lines], np.uint32)
        self._code = self._rows(lines, core, owners)
        self._base = int(self._addresses[0])
        self._index = np.full((int(self._addresses[-1]) - self._base) // 2 + 1, -1, np.int32)
        self._index[(self._addresses - self._base) // 2] = np.arange(len(lines))
        shape = (owner_count, len(lines))
        self._counts, self._flash_bytes = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
        self._loads, self._stores = np.zeros(owner_count, np.uint64), np.zeros(owner_count, np.uint64)
        sections, self._stack_top = _sections(elf)
        self._memories = self._ffi.new("struct memory[]", len(sections))
        self._kept = [self._memory(memory, section) for memory, section in zip(self._memories, sections, strict=True)]

    def _rows(self, lines: list[Line], core: str, owners: Mapping[int, int]) -> Any:  # noqa: ANN401
        rows = self._ffi.new("struct instruction[]", len(lines))
        for row, line in zip(rows, lines, strict=True):
            made = decode(line.mnemonic, line.operands, line.address, core)
            for name, value in vars(made).items():
                setattr(row, name, self._operations[value] if name == "operation" else value)
            row.address, row.size_bytes = line.address, line.size_bytes
            row.owner = owners.get(line.address, self._library.OWNER_SAME)
        return rows

    def _memory(self, memory: Any, section: _Section) -> tuple[Any, ...]:  # noqa: ANN401
        memory.base, memory.size_bytes = section.address, len(section.data)
        data = self._ffi.new("uint8_t[]", section.data)
        unknown = self._ffi.new("uint8_t[]", len(section.data)) if section.writable else self._ffi.NULL
        memory.bytes, memory.unknown = data, unknown
        return data, unknown

    def start(self, first: int, entry: int) -> None:
        """Runs from ``first`` until ``entry``, once called, returns."""
        ffi, library = self._ffi, self._library
        machine = ffi.new("struct machine *")
        machine.code, machine.code_count = self._code, len(self._lines)
        machine.index_of_halfword = self._pointer("const int32_t *", self._index)
        machine.code_base, machine.code_halfwords = self._base, len(self._index)
        machine.memories, machine.memory_count = self._memories, len(self._memories)
        machine.entry_address = entry
        machine.counts = self._pointer("uint64_t *", self._counts)
        machine.flash_bytes = self._pointer("uint64_t *", self._flash_bytes)
        machine.loads = self._pointer("uint64_t *", self._loads)
        machine.stores = self._pointer("uint64_t *", self._stores)
        machine.limit = _LIMIT_INSTRUCTIONS
        machine.r[13], machine.r[15] = self._stack_top, first
        try:
            stop = library.machine_run(machine)
            if stop != library.STOP_END:
                raise InternalError(self._complaint(stop, machine.stop_address, machine.detail))
            slots = [machine.edges[k] for k in range(machine.edge_slots)]
            self._edges = [(edge.owner, edge.source, edge.target, edge.count) for edge in slots if edge.count]
        finally:
            library.machine_release(machine)

    def parts(self) -> list[StepTrace]:
        """The entry's part, then that of each step."""
        edges: list[dict[tuple[int, int], int]] = [{} for _ in self._loads]
        for owner, source, target, count in sorted(self._edges):
            edges[owner][source, target] = count
        return [
            StepTrace(
                executed=self._by_address(self._counts[owner]),
                edges=MappingProxyType(edges[owner]),
                flash_load_bytes=self._by_address(self._flash_bytes[owner]),
                loads=int(self._loads[owner]),
                stores=int(self._stores[owner]),
            )
            for owner in range(len(self._loads))
        ]

    def _by_address(self, counts: npt.NDArray[np.uint64]) -> Mapping[int, int]:
        some = np.flatnonzero(counts)
        return MappingProxyType(dict(zip(self._addresses[some].tolist(), counts[some].tolist(), strict=True)))

    def _pointer(self, kind: str, array: npt.NDArray[Any]) -> Any:  # noqa: ANN401
        return self._ffi.cast(kind, self._ffi.from_buffer(array))

    def _complaint(self, stop: int, address: int, detail: int) -> str:
        library = self._library
        words = {
            library.STOP_CONDITION: "whether this is executed depends on the input, so the run time does too",
            library.STOP_ADDRESS: "the address that this accesses depends on the input, so the run time may too",
            library.STOP_OPERAND: "how long this takes depends on its operands, and these on the input",
            library.STOP_TARGET: "where this goes depends on the input, so the run time does too",
            library.STOP_UNKNOWN: "this instruction is not known",
            library.STOP_NO_CODE: f"there is no instruction at {detail:#010x}, where control went",
            library.STOP_NO_MEMORY: f"this accesses {detail:#010x}, which is no memory, or stores to constants there",
            library.STOP_TOO_LONG: f"the network did not return within {_LIMIT_INSTRUCTIONS:,} instructions",
        }
        at = int(np.searchsorted(self._addresses, address))
        known = at < len(self._addresses) and self._addresses[at] == address
        line = self._lines[at if known else 0]
        what = f"{line.mnemonic} {line.operands}".strip() if known else ""
        return (
            f"{self._elf.name}: {locate(self._elf, address)}, {address:#x}: {what}: {words.get(stop, 'out of memory')}"
        )


def _sections(elf: Path) -> tuple[list[_Section], int]:
    """The memories that the image uses, RAM first, and the top of its stack."""
    with elf.open("rb") as file:
        try:
            image = ELFFile(file)
            sections = [
                _Section(
                    section.header["sh_addr"],
                    bytes(section.header["sh_size"]) if section.header["sh_type"] == "SHT_NOBITS" else section.data(),
                    bool(section.header["sh_flags"] & _SHF_WRITE) or section.header["sh_type"] == "SHT_NOBITS",
                )
                for section in image.iter_sections()
                if section.header["sh_flags"] & _SHF_ALLOC and section.header["sh_size"]
            ]
            table = image.get_section_by_name(".symtab")
        except ELFError as error:
            raise FileFormatError(f"{elf} is not an ELF file: {error}") from error
        found = table.get_symbol_by_name(_STACK_TOP) if isinstance(table, SymbolTableSection) else None
    if not found:
        raise InternalError(f"{elf} has no symbol {_STACK_TOP}, so its stack cannot be found")
    return sorted(sections, key=lambda section: not section.writable), int(found[0]["st_value"])
