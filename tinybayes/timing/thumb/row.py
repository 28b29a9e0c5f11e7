"""What the interpreter executes: one row for each instruction."""

from collections.abc import Callable
from dataclasses import dataclass

from tinybayes.timing.thumb.operands import CONDITIONS, Operand

NO_REGISTER = 0xFF
ALWAYS = CONDITIONS["al"]
SETS, IMMEDIATE, AMOUNT_IN_REG, WRITEBACK, POST, SIGNED, KNOWN_OPERANDS, ONE_CYCLE = (1 << bit for bit in range(8))
"""Bits of ``Row.bits``; interpreter.h says what they mean."""


@dataclass(frozen=True)
class Row:
    """One instruction for the interpreter; the fields are those of ``struct instruction`` in interpreter.h."""

    operation: str
    condition: int = ALWAYS
    bits: int = 0
    rd: int = NO_REGISTER
    rn: int = NO_REGISTER
    rm: int = NO_REGISTER
    ra: int = NO_REGISTER
    immediate: int = 0
    shift: int = 0
    amount: int = 0
    width_bytes: int = 4
    lane_bytes: int = 0
    predicate: int = 0
    floats: int = 0


UNKNOWN = Row("unknown")
"""Stops the interpreter where it is reached."""
Shape = Callable[[str, tuple[Operand, ...], int], Row | None]
"""Makes the row of an instruction from its name, operands and address; None where the operands do not fit."""
