"""Where calls through pointers may lead."""

import re
from collections.abc import Iterator

from tinybayes.build.disassembly import Disassembly, Instruction


class UnboundedError(Exception):
    """There is no bound for the stack; the text says why. Caught where bounds are asked for."""


class Pointers:
    """Function pointers in ``code``: those in constant tables, and those that code stores or variables hold."""

    def __init__(self, code: Disassembly) -> None:
        self._code = code
        self._stored = frozenset(self._stored_pointers())

    def targets(self, instruction: Instruction, register: str) -> tuple[int, ...]:
        """The functions that a call or a jump through ``register`` may reach."""
        writer = self.writer(instruction, register)
        direct = None if writer is None or writer.loaded is None else self._code.function_at(writer.loaded)
        if direct is not None:
            return (direct,)
        found = set(self._stored)
        for value in self._values(instruction.symbol):
            table = self._code.object_at(value)
            if table is not None and not table.writable:
                found.update(at for at in map(self._code.function_at, table.words) if at is not None)
        if not found:
            raise UnboundedError(f"{instruction.symbol} calls through a pointer to a function that is not known")
        return tuple(sorted(found))

    def writer(self, instruction: Instruction, register: str) -> Instruction | None:
        """The last instruction before this one that writes ``register``, in the order of the code."""
        wanted = re.compile(rf"^(?:\{{.*)?{register}\b")
        before = self._code.before(instruction)
        while before is not None:
            if wanted.match(before.operands) and not before.name.startswith(("str", "cmp", "push", "cb")):
                return before
            before = self._code.before(before)
        return None

    def _values(self, symbol: str) -> Iterator[int]:
        """The 32-bit constants that a function loads: from its literal pool, or in two halves."""
        halves: dict[str, int] = {}
        for instruction in self._code.by_symbol[symbol]:
            if instruction.loaded is not None:
                yield instruction.loaded
            register, _, number = instruction.operands.partition(", #")
            if instruction.name == "movw" and number:
                halves[register] = int(number.split()[0], 0)
            elif instruction.name == "movt" and register in halves:
                yield halves.pop(register) | int(number.split()[0], 0) << 16

    def _stored_pointers(self) -> Iterator[int]:
        """Functions whose address code loads for another purpose than to go there at once, or a variable holds."""
        at_once = {
            writer.address
            for instruction in self._code.instructions.values()
            if instruction.name in ("bx", "blx") and instruction.operands != "lr"
            and (writer := self.writer(instruction, instruction.operands)) is not None
        }  # fmt: skip
        for symbol, body in self._code.by_symbol.items():
            loaded = {one.loaded for one in body if one.loaded is not None and one.address in at_once}
            for value in self._values(symbol):
                function = self._code.function_at(value)
                if function is not None and value not in loaded:
                    yield function
        for variable in self._code.objects:
            if variable.writable:
                yield from (at for at in map(self._code.function_at, variable.words) if at is not None)
