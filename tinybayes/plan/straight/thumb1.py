"""Straight-line code for Armv6-M: activations that share a magnitude are summed, then multiplied once.

A nonzero takes MOVS, LDRSB and ADDS, four cycles on the Cortex-M0; a magnitude of a row takes two more. Armv6-M loads
signed bytes with an index in a register only, which one MOVS fills within 256 bytes of a base.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from tinybayes.errors import InternalError
from tinybayes.ir import MacNode
from tinybayes.ir.requant import INT16_MAX, INT16_MIN, Requant
from tinybayes.plan.bounds import must_clamp, row_bounds
from tinybayes.plan.straight.listing import ALIGNMENT_BYTES, Listing, Row, multiplier_of, order

GUARD = "__thumb__"
_NARROW = 2
_TILE = 256
_OUT_WINDOW = 32
_BASES = ("r0", "r5", "r6", "r7")
_OUT, _SUM, _INDEX, _GROUP = "r1", "r2", "r3", "r4"
_MULTIPLIER, _OFFSET = "r12", "lr"
_INT32_MAX = 2**31 - 1


def generate(node: MacNode, code_range: tuple[int, int]) -> Listing:
    """The layer's function, ``(input, output)`` in r0 and r1."""
    if node.requant is None:
        raise InternalError(f"{node.name}: no requantization")
    code = Listing(GUARD)
    _Writer(code, node.requant, code_range[0] < 0, int(node.matrix.shape[1])).function(_rows(node, code_range))
    return code


def constant_steps(value: int) -> list[tuple[str, int]]:
    """The fewest of (movs, byte), (lsls, bits), (adds, byte) that make a number of 0 .. 2^32 - 1.

    >>> constant_steps(0x1200)
    [('movs', 18), ('lsls', 8)]
    >>> constant_steps(0x1234)
    [('movs', 18), ('lsls', 8), ('adds', 52)]
    """
    if value < 256:
        return [("movs", value)]
    zeros = (value & -value).bit_length() - 1
    if zeros:
        return [*constant_steps(value >> zeros), ("lsls", zeros)]
    # What lies above the lowest byte is made first, and shifted as far as the byte reaches.
    low, rest = value & 0xFF, value >> 8
    more = (rest & -rest).bit_length() - 1
    return [*constant_steps(rest >> more), ("lsls", 8 + more), ("adds", low)]


def _rows(node: MacNode, code_range: tuple[int, int]) -> Iterator[Row]:
    requant = node.requant
    assert requant is not None
    bounds = row_bounds(node, code_range)
    matrix = node.matrix.astype(np.int64)
    for number in range(node.outputs):
        columns = np.flatnonzero(matrix[number])
        values = matrix[number, columns]
        by = order(columns, values, 1 << 32, backwards=False)
        bound, multiplier = int(bounds[number]), multiplier_of(requant, number)
        yield Row(
            number, int(node.bias[number]), tuple(columns[by].tolist()), tuple(values[by].tolist()), multiplier,
            must_clamp(requant, bound, multiplier, abs(_offset(requant))),
        )  # fmt: skip


def _offset(requant: Requant) -> int:
    """What is added to the product: a half, and what lifts the lowest code to zero."""
    return (1 << (requant.post_shift - 1)) - (requant.low << requant.post_shift)


@dataclass
class _Writer:
    code: Listing
    requant: Requant
    signed: bool
    columns: int
    bases: tuple[str, ...] = field(init=False)
    out_window: int = 0

    def __post_init__(self) -> None:
        tiles = -(-self.columns // _TILE)
        self.bases = _BASES[: max(1, min(tiles, len(_BASES)))]

    def emit(self, text: str, cycles: int = 1) -> None:
        self.code.add(text, _NARROW, cycles)

    @property
    def folded(self) -> bool:
        """Whether the half and the lift are added at once, before the last shift: no sum of the kind overflows."""
        return abs(_offset(self.requant)) + (1 << 30) + (1 << 15) <= _INT32_MAX

    def function(self, rows: Iterator[Row]) -> None:
        self.emit("push {r4, r5, r6, r7, lr}", 6)
        for before, base in zip(self.bases, self.bases[1:], strict=False):
            self.emit(f"mov {base}, {before}")
            self.emit(f"adds {base}, #255")
            self.emit(f"adds {base}, #1")
        if not self.requant.per_channel:
            self.constant(_INDEX, int(self.requant.multiplier[0]))
            self.emit(f"mov {_MULTIPLIER}, {_INDEX}")
        self.constant(_INDEX, _offset(self.requant) if self.folded else 1 << (self.requant.post_shift - 1))
        self.emit(f"mov {_OFFSET}, {_INDEX}")
        for row in rows:
            self.code.note(f"row {row.number}")
            self.products(row)
            self.requantize(row)
            self.store(row.number)
        self.emit("pop {r4, r5, r6, r7, pc}", 9)
        if self.code.size_bytes % ALIGNMENT_BYTES:
            self.emit("nop", 0)

    def constant(self, register: str, value: int) -> None:
        """``value`` into ``register``."""
        for name, operand in constant_steps(abs(value)):
            self.emit(f"{name} {register}, {f'{register}, ' if name == 'lsls' else ''}#{operand}")
        if value < 0:
            self.emit(f"rsbs {register}, {register}, #0")

    def products(self, row: Row) -> None:
        """The accumulator: groups of one magnitude, the first of which becomes it."""
        pairs = zip(row.columns, row.values, strict=True)
        groups = [(magnitude, list(members)) for magnitude, members in groupby(pairs, key=lambda pair: abs(pair[1]))]
        # A group without a positive member has its sum taken away, which the first cannot.
        groups.sort(key=lambda group: group[1][0][1] < 0)
        started = bool(groups) and groups[0][1][0][1] > 0
        if not started:
            self.emit(f"movs {_SUM}, #0")
        for number, (magnitude, members) in enumerate(groups):
            first = started and number == 0
            negative = members[0][1] < 0
            register = _SUM if first else _GROUP
            self.load(register, members[0][0])
            for column, value in members[1:]:
                self.load(_INDEX, column)
                self.emit(f"{'adds' if (value < 0) == negative else 'subs'} {register}, {register}, {_INDEX}")
            if magnitude & (magnitude - 1):
                self.emit(f"movs {_INDEX}, #{magnitude}")
                self.emit(f"muls {register}, {_INDEX}")
            elif magnitude > 1:
                self.emit(f"lsls {register}, {register}, #{magnitude.bit_length() - 1}")
            if not first:
                self.emit(f"{'subs' if negative else 'adds'} {_SUM}, {_SUM}, {_GROUP}")
        self.bias(row.bias)

    def bias(self, bias: int) -> None:
        name = "adds" if bias > 0 else "subs"
        if 0 < abs(bias) < 256:
            self.emit(f"{name} {_SUM}, #{abs(bias)}")
        elif bias:
            self.constant(_INDEX, abs(bias))
            self.emit(f"{name} {_SUM}, {_SUM}, {_INDEX}")

    def load(self, register: str, column: int) -> None:
        base = min(column // _TILE, len(self.bases) - 1)
        self.constant(register, column - base * _TILE)
        self.emit(f"ldr{'s' if self.signed else ''}b {register}, [{self.bases[base]}, {register}]", 2)

    def requantize(self, row: Row) -> None:
        """The same code as ``tb_requantize`` gives."""
        requant = self.requant
        if requant.pre_shift:
            self.emit(f"asrs {_SUM}, {_SUM}, #{requant.pre_shift}")
        if row.saturate:
            self.at_most(INT16_MAX)
            self.at_least(INT16_MIN)
        if requant.per_channel:
            self.constant(_INDEX, row.multiplier)
        else:
            self.emit(f"mov {_INDEX}, {_MULTIPLIER}")
        self.emit(f"muls {_SUM}, {_INDEX}")
        self.emit(f"add {_SUM}, {_OFFSET}")
        self.emit(f"asrs {_SUM}, {_SUM}, #{requant.post_shift}")
        if not self.folded:
            self.bias(-requant.low)
        self.emit(f"asrs {_INDEX}, {_SUM}, #31")
        self.emit(f"bics {_SUM}, {_INDEX}")
        if requant.high - requant.low == 255:
            # Only the lowest byte is stored: all ones are the highest code.
            self.emit(f"movs {_INDEX}, #255")
            self.emit(f"subs {_INDEX}, {_INDEX}, {_SUM}")
            self.emit(f"asrs {_INDEX}, {_INDEX}, #31")
            self.emit(f"orrs {_SUM}, {_INDEX}")
        else:
            self.at_most(requant.high - requant.low)
        self.bias(requant.low)

    def at_most(self, limit: int) -> None:
        self.constant(_INDEX, limit)
        self.emit(f"subs {_INDEX}, {_INDEX}, {_SUM}")
        self.emit(f"asrs {_GROUP}, {_INDEX}, #31")
        self.emit(f"ands {_GROUP}, {_INDEX}")
        self.emit(f"adds {_SUM}, {_SUM}, {_GROUP}")

    def at_least(self, limit: int) -> None:
        self.constant(_INDEX, limit)
        self.emit(f"subs {_INDEX}, {_INDEX}, {_SUM}")
        self.emit(f"asrs {_GROUP}, {_INDEX}, #31")
        self.emit(f"bics {_INDEX}, {_GROUP}")
        self.emit(f"adds {_SUM}, {_SUM}, {_INDEX}")

    def store(self, number: int) -> None:
        while number // _OUT_WINDOW > self.out_window:
            self.emit(f"adds {_OUT}, #{_OUT_WINDOW}")
            self.out_window += 1
        self.emit(f"strb {_SUM}, [{_OUT}, #{number % _OUT_WINDOW}]", 2)
