"""Rows of instructions that work on registers alone."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from tinybayes.timing.thumb.operands import (
    CONDITIONS,
    Condition,
    Constant,
    Operand,
    Register,
    Shift,
)
from tinybayes.timing.thumb.row import AMOUNT_IN_REG, IMMEDIATE, NO_REGISTER, ONE_CYCLE, SETS, SIGNED, Row, Shape


def _second(operands: tuple[Operand, ...]) -> Row | None:
    """A row with the flexible second operand filled in."""
    match operands:
        case (Constant(value),):
            return Row("", bits=IMMEDIATE, immediate=value & 0xFFFFFFFF)
        case (Register(m),):
            return Row("", rm=m)
        case (Register(m), Shift(kind, amount, by_register)):
            return Row("", rm=m, shift=kind, amount=amount, bits=AMOUNT_IN_REG if by_register else 0)
    return None


def _arithmetic(name: str, operands: tuple[Operand, ...], address: int) -> Row | None:
    """``add rd, rn, operand`` or ``add rd, operand``."""
    match operands:
        case (Register(d), Register(15), Constant(value)):
            signed = value if name == "add" else -value
            return _constant(d, (address + 4 & ~3) + signed)
        case (Register(d), Register(n), (Constant() | Register()) as first, *rest):
            second = _second((first, *rest))
        case (Register(d), *rest):
            n, second = d, _second(tuple(rest))
        case _:
            return None
    if second is None:
        return None
    return replace(second, operation=name, rd=d, rn=n, bits=second.bits | ONE_CYCLE)


def _constant(rd: int, value: int) -> Row:
    return Row("mov", rd=rd, bits=IMMEDIATE | ONE_CYCLE, immediate=value & 0xFFFFFFFF)


def _wide_constant(name: str, operands: tuple[Operand, ...], address: int) -> Row | None:
    match name, operands:
        case "adr", (Register(d), Constant(value)):
            return _constant(d, (address + 4 & ~3) + value)
        case "movw", (Register(d), Constant(value)):
            return _constant(d, value)
        case "movt", (Register(d), Constant(value)):
            return Row("movt", rd=d, immediate=value, bits=ONE_CYCLE)
    return None


def _narrow(name: str, operands: tuple[Operand, ...], address: int) -> Row | None:
    """ADDW and SUBW."""
    return _arithmetic(name.removesuffix("w"), operands, address)


def _negate(_name: str, operands: tuple[Operand, ...], address: int) -> Row | None:
    return _arithmetic("rsb", (*operands, Constant(0)), address)


def _move(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    match operands:
        case (Register(d), *rest):
            second = _second(tuple(rest))
            return replace(second, operation=name, rd=d, bits=second.bits | ONE_CYCLE) if second is not None else None
    return None


def _compare(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    match operands:
        case (Register(n), *rest):
            second = _second(tuple(rest))
            if second is not None:
                return replace(second, operation=name, rn=n, bits=second.bits | ONE_CYCLE | SETS)
    return None


def _shift(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    kind = ("lsl", "lsr", "asr", "ror", "rrx").index(name)
    match operands:
        case (Register(d), Constant(amount)):
            return Row("mov", rd=d, rm=d, shift=kind, amount=amount, bits=ONE_CYCLE)
        case (Register(d), Register(m), Constant(amount)):
            return Row("mov", rd=d, rm=m, shift=kind, amount=amount, bits=ONE_CYCLE)
        case (Register(d), Register(m)) if name == "rrx":
            return Row("mov", rd=d, rm=m, shift=kind, amount=1, bits=ONE_CYCLE)
        case (Register(d), Register(s)):
            return Row("mov", rd=d, rm=d, shift=kind, amount=s, bits=ONE_CYCLE | AMOUNT_IN_REG)
        case (Register(d), Register(m), Register(s)):
            return Row("mov", rd=d, rm=m, shift=kind, amount=s, bits=ONE_CYCLE | AMOUNT_IN_REG)
    return None


def _product(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    """Products with a 32-bit result; the halves or rounding that a name ends in become ``immediate``."""
    operation, halves = _PRODUCTS[name]
    match operands:
        case (Register(d), Register(n)):
            return Row(operation, rd=d, rn=n, rm=d, immediate=halves)
        case (Register(d), Register(n), Register(m)):
            return Row(operation, rd=d, rn=n, rm=m, immediate=halves)
        case (Register(d), Register(n), Register(m), Register(a)):
            return Row(operation, rd=d, rn=n, rm=m, ra=a, immediate=halves)
    return None


def _long_product(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    operation, halves = _LONG_PRODUCTS[name]
    match operands:
        case (Register(low), Register(high), Register(n), Register(m)):
            return Row(operation, rd=low, ra=high, rn=n, rm=m, immediate=halves)
    return None


def _halves() -> dict[str, tuple[str, int]]:
    """SMLABT multiplies the bottom of rn by the top of rm: bit 0 stands for rm's top, bit 1 for rn's."""
    table = {}
    for stem, operation in (("smul", "smulxy"), ("smla", "smlaxy")):
        for bits, letters in enumerate(("bb", "bt", "tb", "tt")):
            table[stem + letters] = (operation, bits)
        for bit, letter in enumerate("bt"):
            table[f"{stem}w{letter}"] = (operation.replace("xy", "wy"), bit)
    for stem in ("smuad", "smusd", "smlad", "smlsd"):
        table |= {stem: (stem, 0), stem + "x": (stem, 1)}
    for stem in ("smmul", "smmla", "smmls"):
        table |= {stem: (stem, 0), stem + "r": (stem, 1)}
    return table


_PRODUCTS = {"mul": ("mul", 0), "mla": ("mla", 0), "mls": ("mls", 0)} | _halves()
_LONG_PRODUCTS = (
    {name: (name, 0) for name in ("umull", "smull", "umlal", "smlal", "umaal", "smlald", "smlsld")}
    | {f"smlal{letters}": ("smlalxy", bits) for bits, letters in enumerate(("bb", "bt", "tb", "tt"))}
    | {"smlaldx": ("smlald", 1), "smlsldx": ("smlsld", 1)}
)


def _three(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    """``sdiv rd, rn, rm``; for saturating additions the second source is rn, as in their encoding."""
    match operands:
        case (Register(d), Register(n), Register(m)):
            first, second = (m, n) if name.startswith("q") else (n, m)
            return Row(name, rd=d, rn=first, rm=second)
        case (Register(d), Register(n), Register(m), Register(a)) if name == "usada8":
            return Row("usad8", rd=d, rn=n, rm=m, ra=a)
    return None


def _lanes(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    operation, kind, width_bytes = _LANES[name]
    match operands:
        case (Register(d), Register(n), Register(m)):
            return Row("lanes", rd=d, rn=n, rm=m, immediate=8 * operation + kind, width_bytes=width_bytes)
    return None


_LANES = {
    prefix + stem: (operation, kind, width_bytes)
    for kind, prefix in enumerate(("s", "q", "sh", "u", "uq", "uh"))
    for stem, operation, width_bytes in (
        ("add16", 0, 2), ("sub16", 1, 2), ("asx", 2, 2), ("sax", 3, 2), ("add8", 0, 1), ("sub8", 1, 1),
    )
}  # fmt: skip


def _extend(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    operation, width_bytes, signed, adds = _EXTENSIONS[name]
    rotation = operands[-1].amount if operands and isinstance(operands[-1], Shift) else 0
    match [o for o in operands if isinstance(o, Register)]:
        case [Register(d)] if not adds:
            n, m = NO_REGISTER, d
        case [Register(d), Register(m)] if not adds:
            n = NO_REGISTER
        case [Register(d), Register(m)]:
            n = d
        case [Register(d), Register(n), Register(m)] if adds:
            pass
        case _:
            return None
    bits = ONE_CYCLE | (SIGNED if signed else 0)
    return Row(operation, rd=d, rn=n, rm=m, amount=rotation, width_bytes=width_bytes, bits=bits)


_EXTENSIONS = {
    f"{sign}xt{adds}{size}": (
        "extend16" if size == "b16" else "extend", 2 if size == "h" else 1, sign == "s", bool(adds),
    )
    for sign in "su" for adds in ("", "a") for size in ("b", "h", "b16")
}  # fmt: skip


def _pack(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    match operands:
        case (Register(d), Register(n), *rest):
            second = _second(tuple(rest))
            return replace(second, operation=name, rd=d, rn=n) if second is not None else None
    return None


def _saturate(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    match operands:
        case (Register(d), Constant(bits), *rest):
            second = _second(tuple(rest))
            return replace(second, operation=name, rd=d, immediate=bits) if second is not None else None
    return None


def _bit_field(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    match operands:
        case (Register(d), Register(n), Constant(lowest), Constant(width)):
            return Row(name, rd=d, rn=n, amount=lowest, width_bytes=width, bits=ONE_CYCLE)
        case (Register(d), Constant(lowest), Constant(width)) if name == "bfc":
            return Row(name, rd=d, amount=lowest, width_bytes=width, bits=ONE_CYCLE)
    return None


def _unary(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    match operands:
        case (Register(d), Register(m)):
            return Row(name, rd=d, rm=m, bits=ONE_CYCLE)
    return None


def _select(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    """CSEL and its kin, and the aliases by which they set, increment, invert and negate (with the other condition)."""
    match operands:
        case (Register(d), Register(n), Register(m), Condition(condition)):
            return Row(name, rd=d, rn=n, rm=m, amount=CONDITIONS[condition])
        case (Register(d), Register(n), Condition(condition)) if name in _SELECT_ALIASES:
            return Row(_SELECT_ALIASES[name], rd=d, rn=n, rm=n, amount=CONDITIONS[condition] ^ 1)
    return None


_SELECT_ALIASES = {"cinc": "csinc", "cinv": "csinv", "cneg": "csneg"}


def _long_shift(name: str, operands: tuple[Operand, ...], _address: int) -> Row | None:
    match operands:
        case (Register(low), Register(high), Constant(amount)):
            return Row(name, rd=low, ra=high, amount=amount)
        case (Register(low), Register(high), Register(m)):
            return Row(name, rd=low, ra=high, rm=m, bits=AMOUNT_IN_REG)
    return None


def by_name(*rows: tuple[Shape, str]) -> Mapping[str, Shape]:
    """A table of shapes from lists of names."""
    return MappingProxyType({name: shape for shape, names in rows for name in names.split()})


ARITHMETIC = by_name(
    (_arithmetic, "add adc sub sbc rsb and orr orn eor bic"),
    (_narrow, "addw subw"),
    (_negate, "neg"),
    (_wide_constant, "adr movw movt"),
    (_move, "mov mvn"),
    (_compare, "cmp cmn tst teq"),
    (_shift, "lsl lsr asr ror rrx"),
    (_product, " ".join(_PRODUCTS)),
    (_long_product, " ".join(_LONG_PRODUCTS)),
    (_three, "udiv sdiv qadd qsub qdadd qdsub sel usad8 usada8"),
    (_lanes, " ".join(_LANES)),
    (_extend, " ".join(_EXTENSIONS)),
    (_pack, "pkhbt pkhtb"),
    (_saturate, "ssat usat ssat16 usat16"),
    (_bit_field, "bfi bfc ubfx sbfx"),
    (_unary, "clz rbit rev rev16 revsh"),
    (_select, "csel csinc csinv csneg cinc cinv cneg"),
    (_long_shift, "lsll lsrl asrl"),
)
"""Shapes by name."""
