"""What one instruction does to the stack, and where the program goes on behind it."""

import re
from dataclasses import dataclass, replace

from tinybayes.build.disassembly import Disassembly, Instruction
from tinybayes.build.pointers import Pointers, UnboundedError

_CONDITIONS = "eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
_CONDITIONAL = re.compile(rf"^(b|bl|bx|blx|push|pop|add|sub|mov|ldr|str|ldm\w*|stm\w*|v\w+)({_CONDITIONS})$")
_TARGET = re.compile(r"(?:^|, )([0-9a-f]+) <([^>]+)>$")
_MOVES_BY_ADDRESSING = re.compile(r"\[sp, #(-?\d+)\]!|\[sp\], #(-?\d+)")
_MOVES_BY_NUMBER = re.compile(r"^sp, (?:sp, )?#(\d+)$")
_MOVES_BY_REGISTER = re.compile(r"^sp, (?:sp, )?(r\d+|ip|lr|sl|fp)$")
_WRITES_SP = re.compile(r"^sp(?:!|,|$)")
_REGISTER_BYTES = {"d": 8, "q": 16}
_TABLE_CALL = "__gnu_thumb1_case_"


@dataclass(frozen=True)
class Effect:
    """Bytes that the stack grows by, and where the program goes on.

    ``may_skip`` says that the instruction is conditional and may do nothing; ``by_table`` that it jumps to a place in
    its own function that a table holds.
    """

    grows_bytes: int = 0
    jumps: tuple[int, ...] = ()
    calls: tuple[int, ...] = ()
    falls_through: bool = True
    by_table: bool = False
    may_skip: bool = False


class Effects:
    """The effects of the instructions of ``code``. Methods raise UnboundedError where one cannot be told."""

    def __init__(self, code: Disassembly) -> None:
        self._pointers = Pointers(code)

    def of(self, instruction: Instruction) -> Effect:
        """The effect of one instruction."""
        conditional = _CONDITIONAL.match(instruction.name)
        if conditional is None:
            return self._effect_of(instruction, instruction.name)
        return replace(self._effect_of(instruction, conditional[1]), may_skip=True)

    def _effect_of(self, instruction: Instruction, name: str) -> Effect:
        operands = instruction.operands
        target = _TARGET.search(operands)
        if name in ("bl", "blx") and target is not None:
            by_table = target[2].startswith(_TABLE_CALL)
            return Effect(calls=(int(target[1], 16),), by_table=by_table, falls_through=not by_table)
        if name == "blx":
            return Effect(calls=self._pointers.targets(instruction, operands))
        if name == "bx":
            return self._jump_by_register(instruction, operands)
        if target is not None:
            return Effect(jumps=(int(target[1], 16),), falls_through=name != "b")
        if name in ("tbb", "tbh") or (name in ("mov", "add") and operands.startswith("pc, ")):
            returns = operands == "pc, lr"
            return Effect(falls_through=False, by_table=not returns)
        if name == "ldr" and operands.startswith("pc, ") and "[sp" not in operands:
            return self._jump_by_load(instruction)
        return self._stack_effect(instruction, name)

    def _jump_by_register(self, instruction: Instruction, register: str) -> Effect:
        writer = self._pointers.writer(instruction, register)
        if register == "lr" or (writer is not None and writer.name.startswith(("pop", "ldm"))):
            return Effect(falls_through=False)
        return Effect(jumps=self._pointers.targets(instruction, register), falls_through=False)

    def _jump_by_load(self, instruction: Instruction) -> Effect:
        if instruction.loaded is None:
            return Effect(falls_through=False, by_table=True)
        return Effect(jumps=(instruction.loaded & ~1,), falls_through=False)

    def _stack_effect(self, instruction: Instruction, name: str) -> Effect:
        operands = instruction.operands
        ends = "pc" in re.split(r"[{}, -]+", operands.partition("[")[0]) and name in ("pop", "ldmia", "ldm", "ldr")
        if name in ("push", "vpush"):
            return Effect(_registers_bytes(operands))
        if name in ("pop", "vpop"):
            return Effect(-_registers_bytes(operands), falls_through=not ends)
        if operands.startswith("sp!, "):
            sign = 1 if "db" in name else -1
            return Effect(sign * _registers_bytes(operands.removeprefix("sp!, ")), falls_through=not ends)
        moved = _MOVES_BY_ADDRESSING.search(operands)
        if moved is not None:
            return Effect(-int(moved[1] or moved[2]), falls_through=not ends)
        if _WRITES_SP.match(operands) and name not in ("cmp", "cmn", "tst", "str", "stmia", "ldmia"):
            return Effect(self._moved_bytes(instruction, name))
        return Effect()

    def _moved_bytes(self, instruction: Instruction, name: str) -> int:
        sign = {"sub": 1, "subw": 1, "add": -1, "addw": -1}.get(name)
        number = _MOVES_BY_NUMBER.match(instruction.operands)
        register = _MOVES_BY_REGISTER.match(instruction.operands)
        if sign is not None and number is not None:
            return sign * int(number[1])
        if sign is not None and register is not None:
            writer = self._pointers.writer(instruction, register[1])
            if writer is not None and writer.loaded is not None:
                value = writer.loaded - (1 << 32 if writer.loaded >> 31 else 0)
                return sign * value
        raise UnboundedError(
            f"{instruction.symbol} moves the stack pointer by a variable ({name} {instruction.operands})"
        )


def _registers_bytes(operands: str) -> int:
    """Bytes of a register list, ``{r4, r5, lr}`` or ``{d8-d15}``."""
    total = 0
    for item in operands.strip("{} ").split(", "):
        first, _, last = item.partition("-")
        count = int(last[1:]) - int(first[1:]) + 1 if last else 1
        total += count * _REGISTER_BYTES.get(first[0], 4)
    return total
