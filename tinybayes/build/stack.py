"""Worst-case stack, from the machine code of the image that runs.

Every path through a function is followed with the bytes that the stack has grown by; at a call the callee's own worst
case comes on top, and a jump to another function (a tail call) goes on from where the stack stands. Library functions
and assembly are bounded as compiled code is. A call through a pointer may reach the functions in the constant tables
that its function names, and every function whose address is stored by code or in a variable. What hands over to a boot
loader does not count, as faults do not: nothing of the image runs after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tinybayes.build.disassembly import Disassembly, Instruction
from tinybayes.build.effects import Effects
from tinybayes.build.pointers import UnboundedError
from tinybayes.errors import InternalError

BASIC_FRAME_BYTES = 32
EXTENDED_FRAME_BYTES = 104
FRAME_ALIGNMENT_BYTES = 4
"""What an exception pushes: 8 words, or 26 where the floating-point registers are in use, and a word where the stack
was not aligned to 8 bytes (Armv7-M Architecture Reference Manual, DDI 0403E, section B1.5.7)."""

_FIRST_INTERRUPT = 11
"""Exception numbers below are reset and faults, which end the program (ibid., table B1-4)."""
_DEEPEST_BYTES = 1 << 20
_HANDS_OVER = "chip_enter_boot_loader"


@dataclass(frozen=True)
class StackBound:
    """At most ``size_bytes``, reached along ``chain``: functions from the outermost on, each with what it takes.

    ``size_bytes`` is None where there is no bound, and ``reason`` says why.
    """

    size_bytes: int | None
    chain: tuple[tuple[str, int], ...] = ()
    reason: str = ""


@dataclass
class _Walk:
    """What following all paths from one entry finds: the stack at each instruction, and what is called there."""

    depth_bytes: dict[int, int] = field(default_factory=dict)
    calls: dict[tuple[int, int], int] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)


class StackAnalysis:
    """The call graph of one image; ``code`` as :func:`tinybayes.build.disassembly.disassemble` reads it."""

    def __init__(self, code: Disassembly) -> None:
        self._code = code
        self._bounds: dict[int, tuple[int, tuple[tuple[str, int], ...]]] = {}
        self._effects = Effects(code)

    def of_function(self, function: str) -> StackBound:
        """Bytes that ``function`` and all that it calls take. Raises InternalError where the image lacks it."""
        if function not in self._code.functions:
            raise InternalError(f"the image has no function {function}, so its stack cannot be bounded")
        try:
            size_bytes, chain = self._bound(self._code.functions[function], ())
        except UnboundedError as unbounded:
            return StackBound(None, reason=str(unbounded))
        return StackBound(size_bytes, chain)

    def of_image(self, entry: str, vectors: str) -> StackBound:
        """Bytes from the first instruction of ``entry`` on, interrupts included.

        ``vectors`` names the exception table. Faults do not count: nothing runs after one. Interrupts do not nest,
        since the firmware leaves all of them at one priority; the deepest comes on top of the deepest path.
        """
        bound = self.of_function(entry)
        handlers = self._handlers(vectors)
        if bound.size_bytes is None or not handlers:
            return bound
        frame_bytes = self.frame_bytes
        deepest = max((self.of_function(name) for name in handlers), key=_unbounded_first)
        if deepest.size_bytes is None:
            return deepest
        total = bound.size_bytes + frame_bytes + deepest.size_bytes
        return StackBound(total, (*bound.chain, ("exception frame", frame_bytes), *deepest.chain))

    @property
    def frame_bytes(self) -> int:
        """What an exception pushes at most: more where the image has floating-point or vector instructions."""
        extended = any(one.name.startswith("v") for one in self._code.instructions.values())
        return (EXTENDED_FRAME_BYTES if extended else BASIC_FRAME_BYTES) + FRAME_ALIGNMENT_BYTES

    def _handlers(self, vectors: str) -> list[str]:
        """Functions that the exception table has for interrupts, without those that it has for faults."""
        table = next((one for one in self._code.objects if one.name == vectors), None)
        if table is None:
            raise InternalError(f"the image has no exception table {vectors}, so its interrupts are not known")
        targets = [self._code.function_at(word) for word in table.words]
        faults = set(targets[1:_FIRST_INTERRUPT])
        name_of = {address: name for name, address in self._code.functions.items()}
        return sorted({name_of[at] for at in targets[_FIRST_INTERRUPT:] if at is not None and at not in faults})

    def _bound(self, entry: int, above: tuple[int, ...]) -> tuple[int, tuple[tuple[str, int], ...]]:
        if entry in self._bounds:
            return self._bounds[entry]
        if entry not in self._code.instructions:
            raise UnboundedError(f"there is no code at {entry:#x}")
        if entry in above:
            circle = (*above[above.index(entry) :], entry)
            raise UnboundedError(f"it calls itself: {' -> '.join(self._symbol(at) for at in circle)}")
        walk = self._walk(entry)
        at = max(walk.depth_bytes, key=lambda address: walk.depth_bytes[address])
        size_bytes = walk.depth_bytes[at]
        chain: tuple[tuple[str, int], ...] = ((self._symbol(at), size_bytes),)
        for (caller, callee), depth_bytes in walk.calls.items():
            callee_bytes, callee_chain = self._bound(callee, (*above, entry))
            if depth_bytes + callee_bytes > size_bytes:
                size_bytes = depth_bytes + callee_bytes
                chain = ((self._symbol(caller), depth_bytes), *callee_chain)
        self._bounds[entry] = (size_bytes, chain)
        return size_bytes, chain

    def _hands_over(self, instruction: Instruction, targets: tuple[int, ...]) -> bool:
        place = self._code.functions.get(_HANDS_OVER)
        return place in targets and instruction.symbol != _HANDS_OVER

    def _symbol(self, address: int) -> str:
        return self._code.instructions[address].symbol

    def _walk(self, entry: int) -> _Walk:
        walk = _Walk()
        self._follow(walk, [(entry, 0)])
        # Where a jump by table leads is not read from the table: all that is not reached otherwise may follow it.
        for symbol, depth_bytes in tuple(walk.tables.items()):
            for instruction in self._code.by_symbol[symbol]:
                if instruction.address not in walk.depth_bytes:
                    self._follow(walk, [(instruction.address, depth_bytes)])
        return walk

    def _follow(self, walk: _Walk, pending: list[tuple[int, int]]) -> None:
        while pending:
            address, depth_bytes = pending.pop()
            if walk.depth_bytes.get(address, -1) >= depth_bytes:
                continue
            instruction = self._code.instructions.get(address)
            if instruction is None:  # behind a call that does not return
                continue
            walk.depth_bytes[address] = depth_bytes
            effect = self._effects.of(instruction)
            after_bytes = max(depth_bytes + effect.grows_bytes, 0)
            if after_bytes > _DEEPEST_BYTES:
                raise UnboundedError(f"{instruction.symbol} takes more stack with every round of a loop")
            if self._hands_over(instruction, (*effect.calls, *effect.jumps)):
                continue
            for callee in effect.calls:
                walk.calls[address, callee] = max(depth_bytes, walk.calls.get((address, callee), 0))
            if effect.by_table:
                walk.tables[instruction.symbol] = max(depth_bytes, walk.tables.get(instruction.symbol, 0))
            pending += [(target, after_bytes) for target in effect.jumps]
            following = self._code.instructions.get(instruction.following)
            # Behind the last call of a function that does not return, another function begins.
            leaves = following is None or (bool(effect.calls) and following.symbol != instruction.symbol)
            if effect.falls_through and not leaves:
                pending.append((instruction.following, after_bytes))
            if effect.may_skip and following is not None:
                pending.append((instruction.following, depth_bytes))


def _unbounded_first(bound: StackBound) -> float:
    return float("inf") if bound.size_bytes is None else bound.size_bytes


def chain_text(chain: Iterable[tuple[str, int]]) -> str:
    """A chain for people: ``reset_handler 8 > main 16``."""
    return " > ".join(f"{name} {size_bytes}" for name, size_bytes in chain)
