"""Rows of loads, stores, branches, and moves of floating-point registers."""

from dataclasses import replace

from tinybayes.timing.thumb.arithmetic_rows import by_name
from tinybayes.timing.thumb.operands import (
    Constant,
    FloatRegister,
    Memory,
    Operand,
    Register,
    RegisterList,
    Shift,
)
from tinybayes.timing.thumb.row import ONE_CYCLE, POST, SIGNED, WRITEBACK, Row


def _access(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    stem, width_bytes, signed = _ACCESSES[name]
    match operands:
        case (Register(d), Memory() as memory):
            return _addressed(Row(stem, rd=d, width_bytes=width_bytes, bits=SIGNED if signed else 0), memory, None)
        case (Register(d), Memory() as memory, Constant(behind)):
            return _addressed(Row(stem, rd=d, width_bytes=width_bytes, bits=SIGNED if signed else 0), memory, behind)
        case (Register(d), Register(a), Memory() as memory) if width_bytes == 8:
            return _addressed(Row(stem, rd=d, ra=a), memory, None)
        case (Register(d), Register(a), Memory() as memory, Constant(behind)) if width_bytes == 8:
            return _addressed(Row(stem, rd=d, ra=a), memory, behind)
    return None


def _addressed(row: Row, memory: Memory, behind: int | None) -> Row:
    """``behind`` is the constant of post-indexed addressing."""
    if behind is not None:
        return replace(row, rn=memory.base, immediate=behind & 0xFFFFFFFF, bits=row.bits | WRITEBACK | POST)
    bits = row.bits | (WRITEBACK if memory.writeback else 0)
    if memory.index is None:
        return replace(row, rn=memory.base, immediate=memory.offset & 0xFFFFFFFF, bits=bits)
    shift = memory.shift or Shift(0, 0)
    return replace(row, rn=memory.base, rm=memory.index, shift=shift.kind, amount=shift.amount, bits=bits)


_ACCESSES = {
    "ldr": ("load", 4, False), "ldrb": ("load", 1, False), "ldrh": ("load", 2, False), "ldrsb": ("load", 1, True),
    "ldrsh": ("load", 2, True), "str": ("store", 4, False), "strb": ("store", 1, False), "strh": ("store", 2, False),
    "ldrd": ("loadpair", 8, False), "strd": ("storepair", 8, False),
}  # fmt: skip


def _multiple(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    operation, down = ("ldm" if name.startswith("ldm") else "stm"), int(name.endswith("db"))
    match operands:
        case (Register(n, writeback), RegisterList(mask, None)):
            return Row(operation, rn=n, immediate=mask, amount=down, bits=WRITEBACK if writeback else 0)
    return None


def _stack(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    base = Register(13, writeback=True)
    names = {"push": "stmdb", "pop": "ldm", "vpush": "vstmdb", "vpop": "vldmia"}
    shape = _float_multiple if name.startswith("v") else _multiple
    return shape(names[name], (base, *operands), 0)


def _branch(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    match operands:
        case (Constant(target),):
            return Row(name, immediate=target)
        case (Register(m),) if name in ("bx", "blx"):
            return Row(name, rm=m)
        case (Register(n), Constant(target)) if name in ("cbz", "cbnz"):
            return Row(name, rn=n, immediate=target)
        case (Memory(base, 0, int(index), _, _),) if name in ("tbb", "tbh"):
            return Row(name, rn=base, rm=index)
        case (Register(14), Register(n)) if name == "dls":
            return Row(name, rn=n)
        case (Register(14), Register(n), Constant(target)) if name == "wls":
            return Row(name, rn=n, immediate=target)
        case (Register(14), Constant(target)) if name == "le":
            return Row(name, immediate=target)
    return None


def _nothing(_name: str, _operands: tuple[Operand, ...], _address: int) -> Row:
    return Row("nop", bits=ONE_CYCLE)


def _float_move(_name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    match operands:
        case (Register(d), FloatRegister(first, 1)):
            return Row("vmov", rd=d, rn=first)
        case (FloatRegister(first, 1), Register(n)):
            return Row("vmov", rd=first, rn=n, immediate=1)
        case (FloatRegister(to, words), FloatRegister(first, others)) if words == others and words < 4:
            return Row("vmov", rd=to, rn=first, immediate=2, width_bytes=4 * words)
        case (Register(d), Register(a), FloatRegister(first, 2)):
            return Row("vmovtwo", rd=d, ra=a, rn=first)
        case (FloatRegister(first, 2), Register(d), Register(a)):
            return Row("vmovtwo", rd=d, ra=a, rn=first, immediate=1)
        case (Register(d), Register(a), FloatRegister(first, 1), FloatRegister(second, 1)) if second == first + 1:
            return Row("vmovtwo", rd=d, ra=a, rn=first)
        case (FloatRegister(first, 1), FloatRegister(second, 1), Register(d), Register(a)) if second == first + 1:
            return Row("vmovtwo", rd=d, ra=a, rn=first, immediate=1)
    return None


def _float_access(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    match operands:
        case (FloatRegister(first, words), Memory(base, offset, None, None, False)) if words < 4:
            operation = "vload" if name.startswith("vldr") else "vstore"
            return Row(operation, rd=first, rn=base, immediate=offset & 0xFFFFFFFF, width_bytes=4 * words)
    return None


def _float_multiple(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    operation = "vldm" if name.startswith("vldm") else "vstm"
    match operands:
        case (Register(n, writeback), RegisterList(0, int(first), words)):
            down = int(name.endswith("db"))
            bits = WRITEBACK if writeback else 0
            return Row(operation, rd=first, rn=n, amount=down, width_bytes=4 * words, bits=bits)
    return None


TRANSFERS = by_name(
    (_access, " ".join(_ACCESSES)),
    (_multiple, "ldm ldmia ldmdb stm stmia stmdb"),
    (_stack, "push pop vpush vpop"),
    (_branch, "b bl bx blx cbz cbnz tbb tbh dls wls le"),
    (_nothing, "nop it dmb dsb isb"),
    (_float_move, "vmov vmov.f32 vmov.32"),
    (_float_access, "vldr vstr vldr.32 vstr.32 vldr.64 vstr.64"),
    (_float_multiple, "vldm vldmia vldmdb vstm vstmia vstmdb"),
)
"""Shapes by name."""
