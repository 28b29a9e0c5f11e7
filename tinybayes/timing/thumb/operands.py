"""The operands of a Thumb instruction, read from its assembly text.

Capstone and LLVM's disassembler both write Arm's unified syntax; where they differ (register aliases, comments, symbols
behind a branch target) both ways are understood.
"""

import re
from dataclasses import dataclass

_CORE = {f"r{n}": n for n in range(16)} | {"sb": 9, "sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}
_SHIFTS = ("lsl", "lsr", "asr", "ror", "rrx")
_FLOAT = re.compile(r"([sdq])(\d+)")
_NUMBER = re.compile(r"#?(-?(?:0x[0-9a-f]+|\d+))(?: <.*>)?")
_SCALE = re.compile(r", *uxtw #(\d)")
_WORDS_OF_FLOAT = {"s": 1, "d": 2, "q": 4}


@dataclass(frozen=True)
class Register:
    """A core register by number; ``writeback`` where an exclamation mark follows it."""

    number: int
    writeback: bool = False


@dataclass(frozen=True)
class FloatRegister:
    """A floating-point or vector register: the number of its first single register, and how many it covers."""

    first: int
    words: int


@dataclass(frozen=True)
class Constant:
    """An immediate, or the address that a branch goes to."""

    value: int


@dataclass(frozen=True)
class Shift:
    """How the register before it is shifted: by a constant, or by a register."""

    kind: int
    amount: int
    by_register: bool = False


@dataclass(frozen=True)
class Memory:
    """An address: a base register, and a constant or a shifted index register to add.

    ``offsets`` is the first single register of a vector of offsets, which are shifted left by ``scale``.
    """

    base: int
    offset: int
    index: int | None
    shift: Shift | None
    writeback: bool
    offsets: int | None = None
    scale: int = 0


@dataclass(frozen=True)
class RegisterList:
    """Registers in braces: a mask of core registers, or a run of single floating-point registers."""

    mask: int
    first_float: int | None = None
    float_words: int = 0


@dataclass(frozen=True)
class Condition:
    """The name of a condition, as CSEL and its kin take it."""

    name: str


Operand = Register | FloatRegister | Constant | Shift | Memory | RegisterList | Condition
CONDITIONS = {
    "eq": 0, "ne": 1, "hs": 2, "cs": 2, "lo": 3, "cc": 3, "mi": 4, "pl": 5, "vs": 6, "vc": 7, "hi": 8, "ls": 9,
    "ge": 10, "lt": 11, "gt": 12, "le": 13, "al": 14,
}  # fmt: skip
"""Conditions by name, with Arm's numbers (DDI 0403, A7.3)."""


def read_operands(text: str) -> tuple[Operand, ...] | None:
    """The operands in ``text``, or None where one of them is not understood."""
    operands = [_read(part.strip()) for part in _split(text.split("@", maxsplit=1)[0].strip().lower())]
    return None if any(operand is None for operand in operands) else tuple(o for o in operands if o is not None)


def _split(text: str) -> list[str]:
    """Parts between commas that stand outside of brackets and braces."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += (character in "[{<") - (character in "]}>")
        if character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]] if text else []


def _read(text: str) -> Operand | None:
    name = text.rstrip("!")
    if name in _CORE:
        return Register(_CORE[name], text.endswith("!"))
    number = _NUMBER.fullmatch(text)
    if number is not None:
        return Constant(int(number[1], 0))
    if text in CONDITIONS:
        return Condition(text)
    if text.startswith("["):
        return _read_memory(text)
    if text.startswith("{") and text.endswith("}"):
        return _read_list(text[1:-1])
    return _read_float(text) or _read_shift(text)


def _read_float(text: str) -> FloatRegister | None:
    found = _FLOAT.fullmatch(text)
    if found is None:
        return None
    words = _WORDS_OF_FLOAT[found[1]]
    first = int(found[2]) * words
    return FloatRegister(first, words) if first + words <= 32 else None


def _read_shift(text: str) -> Shift | None:
    kind, _, amount = text.partition(" ")
    if kind not in _SHIFTS:
        return None
    if kind == "rrx":
        return Shift(_SHIFTS.index(kind), 1)
    if amount in _CORE:
        return Shift(_SHIFTS.index(kind), _CORE[amount], by_register=True)
    number = _NUMBER.fullmatch(amount)
    return Shift(_SHIFTS.index(kind), int(number[1], 0)) if number is not None else None


def _read_memory(text: str) -> Memory | None:
    inside, closed, behind = text[1:].partition("]")
    if not closed or behind not in ("", "!"):
        return None
    scaled = _SCALE.search(inside)
    parts = [_read(part.strip()) for part in _split(_SCALE.sub("", inside))]
    base, *rest = parts
    if not isinstance(base, Register):
        return None
    writeback = behind == "!"
    match rest:
        case []:
            return Memory(base.number, 0, None, None, writeback)
        case [Constant(offset)]:
            return Memory(base.number, offset, None, None, writeback)
        case [Register(index)]:
            return Memory(base.number, 0, index, None, writeback)
        case [FloatRegister(offsets, 4)]:
            scale = int(scaled[1]) if scaled is not None else 0
            return Memory(base.number, 0, None, None, writeback, offsets, scale)
        case [Register(index), Shift() as shift]:
            return Memory(base.number, 0, index, shift, writeback)
    return None


def _read_list(text: str) -> RegisterList | None:
    mask, floats = 0, []
    for part in _split(text):
        first, _, last = part.strip().partition("-")
        if first in _CORE and (last or first) in _CORE:
            for number in range(_CORE[first], _CORE[last or first] + 1):
                mask |= 1 << number
        else:
            ends = [_read_float(name) for name in (first, last or first)]
            if ends[0] is None or ends[1] is None:
                return None
            floats += list(range(ends[0].first, ends[1].first + ends[1].words))
    if floats and (mask or floats != list(range(floats[0], floats[0] + len(floats)))):
        return None
    return RegisterList(mask, floats[0], len(floats)) if floats else RegisterList(mask)
