"""The code of an image, decoded: what lies at each address, and which function it belongs to."""

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tinybayes.build.elf import function_ranges
from tinybayes.errors import InternalError
from tinybayes.timing.classify import classify
from tinybayes.timing.disassembly import disassemble
from tinybayes.timing.instruction import Instruction


@dataclass(frozen=True)
class Program:
    """All instructions of an image by address, for one core.

    ``unknown`` holds, by address, the text of instructions that no timing is known for; they are an error only where
    they are executed. ``functions`` maps names to first address and size in bytes.
    """

    core: str
    instructions: Mapping[int, Instruction]
    unknown: Mapping[int, str]
    functions: Mapping[str, tuple[int, int]]

    @classmethod
    def load(cls, elf: Path, core: str) -> "Program":
        """Decodes ``elf``, whose code is for ``core`` (``"cortex-m4"``).

        Raises ToolError where the core's disassembler is missing or fails, FileFormatError for a file that is no ELF.
        """
        instructions: dict[int, Instruction] = {}
        unknown: dict[int, str] = {}
        for line in disassemble(elf, core):
            found = classify(line.address, line.size_bytes, line.mnemonic, line.operands)
            if found is None:
                unknown[line.address] = f"{line.mnemonic} {line.operands}".strip()
            else:
                instructions[line.address] = found
        return cls(core, MappingProxyType(instructions), MappingProxyType(unknown), _functions(elf))

    def at(self, address: int) -> Instruction:
        """The instruction at ``address``; raises InternalError where there is none, or none whose timing is known."""
        found = self.instructions.get(address)
        if found is None:
            text = self.unknown.get(address)
            what = f"the instruction '{text}'" if text is not None else "no instruction that could be decoded"
            raise InternalError(f"{what} at {address:#x} in {self.function_at(address)} has no known timing")
        return found

    def function_at(self, address: int) -> str:
        """The name of the function that ``address`` lies in, or ``"no function"``."""
        ordered = sorted((first, size, name) for name, (first, size) in self.functions.items())
        index = bisect.bisect_right(ordered, address, key=lambda one: one[0]) - 1
        if index >= 0 and address < ordered[index][0] + max(ordered[index][1], 1):
            return ordered[index][2]
        return "no function"


def _functions(elf: Path) -> Mapping[str, tuple[int, int]]:
    return MappingProxyType(function_ranges(elf))
