"""Rows of MVE instructions.

Loads, stores, copies of a register or constant to all lanes, and the predicates of loop tails are executed; of
everything else only what it writes is known.
"""

import re
from dataclasses import replace

from tinybayes.timing.classify import classify
from tinybayes.timing.instruction import VECTORS
from tinybayes.timing.thumb.operands import Constant, FloatRegister, Memory, Register, read_operands
from tinybayes.timing.thumb.row import IMMEDIATE, POST, SIGNED, WRITEBACK, Row

_MEMORY_BYTES = {"b": 1, "h": 2, "w": 4}
_ACCESS = re.compile(r"v(ld|st)r([bhw])([te]?)\.([suif]?)(8|16|32)")
_FILL = re.compile(r"v(?:dup|mov)([te]?)\.[iusf]?(8|16|32)")
_COUNT = re.compile(r"v([id])dup([te]?)\.u(8|16|32)")
_TAIL = re.compile(r"vctp([te]?)\.(8|16|32)")
_LOOP = re.compile(r"(dlstp|wlstp)\.(8|16|32)")
_VPST = re.compile(r"vpst[te]*")
_PREDICATES = {"": 0, "t": 1, "e": 2}


def vector_row(mnemonic: str, text: str, address: int) -> Row | None:
    """The row of a vector instruction or of a loop with tail predication; None where it is neither."""
    operands = read_operands(text)
    if _VPST.fullmatch(mnemonic):
        return Row("nop")
    if operands is not None:
        for pattern, make in ((_ACCESS, _access), (_FILL, _fill), (_COUNT, _count), (_TAIL, _tail), (_LOOP, _loop)):
            found = pattern.fullmatch(mnemonic)
            row = make(found, operands) if found is not None else None
            if row is not None:
                return row
    if mnemonic == "letp" and operands is not None and isinstance(operands[-1], Constant):
        return Row("letp", immediate=operands[-1].value)
    return _writes(mnemonic, text, address)


def _access(found: re.Match[str], operands: tuple[object, ...]) -> Row | None:
    kind, memory_letter, predicate, sign, bits = found.groups()
    row = Row(
        "vectorload" if kind == "ld" else "vectorstore",
        width_bytes=_MEMORY_BYTES[memory_letter],
        lane_bytes=int(bits) // 8,
        predicate=_PREDICATES[predicate],
        bits=SIGNED if sign == "s" else 0,
    )
    match operands:
        case (FloatRegister(first, 4), Memory(base, 0, None, None, False, int(offsets), scale)):
            return replace(row, rd=first, rn=base, rm=offsets, amount=scale)
        case (FloatRegister(first, 4), Memory(base, offset, None, None, writeback, None)):
            bits_set = row.bits | (WRITEBACK if writeback else 0)
            return replace(row, rd=first, rn=base, immediate=offset & 0xFFFFFFFF, bits=bits_set)
        case (FloatRegister(first, 4), Memory(base, 0, None, None, False, None), Constant(behind)):
            return replace(row, rd=first, rn=base, immediate=behind & 0xFFFFFFFF, bits=row.bits | WRITEBACK | POST)
    return None


def _fill(found: re.Match[str], operands: tuple[object, ...]) -> Row | None:
    row = Row("vectorfill", predicate=_PREDICATES[found[1]], lane_bytes=int(found[2]) // 8)
    match operands:
        case (FloatRegister(first, 4), Register(n)):
            return replace(row, rd=first, rn=n)
        case (FloatRegister(first, 4), Constant(value)):
            return replace(row, rd=first, immediate=value & 0xFFFFFFFF, bits=IMMEDIATE)
    return None


def _count(found: re.Match[str], operands: tuple[object, ...]) -> Row | None:
    match operands:
        case (FloatRegister(first, 4), Register(n), Constant(step)):
            signed = step if found[1] == "i" else -step
            return Row(
                "vectorcount", rd=first, rn=n, immediate=signed & 0xFFFFFFFF, predicate=_PREDICATES[found[2]],
                lane_bytes=int(found[3]) // 8,
            )  # fmt: skip
    return None


def _tail(found: re.Match[str], operands: tuple[object, ...]) -> Row | None:
    match operands:
        case (Register(n),):
            return Row("vctp", rn=n, predicate=_PREDICATES[found[1]], lane_bytes=int(found[2]) // 8)
    return None


def _loop(found: re.Match[str], operands: tuple[object, ...]) -> Row | None:
    match operands:
        case (Register(14), Register(n)):
            return Row("dls", rn=n, lane_bytes=int(found[2]) // 8)
        case (Register(14), Register(n), Constant(target)):
            return Row("wls", rn=n, immediate=target, lane_bytes=int(found[2]) // 8)
    return None


def _writes(mnemonic: str, text: str, address: int) -> Row | None:
    """What an instruction that works on vectors writes, as bits: core registers, VPR as bit 15, single registers."""
    instruction = classify(address, 4, mnemonic, text)
    if instruction is None or instruction.kind not in VECTORS or instruction.address_registers:
        return None
    core, floats = 0, 0
    names = {f"r{n}": n for n in range(13)} | {"sp": 13, "lr": 14, "vpr": 15}
    for register in instruction.writes:
        if register in names:
            core |= 1 << names[register]
        elif register.startswith("s"):
            floats |= 1 << int(register[1:])
        else:
            return None
    return Row("vector", immediate=core, floats=floats)
