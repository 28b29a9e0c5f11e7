"""Straight-line code for Thumb-2 (Armv7-M and above): activations are loaded in batches, then multiplied and added.

Loads right behind each other take one cycle each after the first (Arm 100166, table 3-1), so a batch of T loads and T
products takes 2 T + 1 cycles. Magnitudes of weights stay in registers, the commonest first; a power of two needs none.
Every instruction is four bytes wide and aligned, so that none straddles two words of flash.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinybayes.errors import InternalError
from tinybayes.ir import MacNode
from tinybayes.ir.requant import Requant
from tinybayes.plan.bounds import must_clamp, row_bounds
from tinybayes.plan.straight.listing import Listing, Row, multiplier_of, order

GUARD = "__thumb2__"
TILE = 4096
_WIDE = 4
_REGISTERS = ("r3", "r12", "lr", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11")
_IN, _OUT, _SUM = "r0", "r1", "r2"
_MOST_TEMPORARIES = 8


@dataclass(frozen=True)
class _Registers:
    """What the registers hold: batches of activations, one constant at a time, magnitudes, requantization."""

    temporaries: tuple[str, ...]
    constant: str | None
    magnitudes: dict[int, str]
    multiplier: str | None
    rounding: str | None

    @property
    def saved(self) -> tuple[str, ...]:
        """Registers that the caller wants back, in the order of ``push``."""
        used = {*self.temporaries, *self.magnitudes.values(), self.constant, self.multiplier, self.rounding}
        high = max((int(name[1:]) for name in used if name and name not in ("lr", "r3", "r12")), default=0)
        return (*(f"r{n}" for n in range(4, high + 1)), "lr") if high or "lr" in used else ()


def is_immediate(value: int) -> bool:
    """Whether Thumb-2 encodes ``value`` as a modified immediate (Arm DDI 0403, A5.3.2).

    >>> is_immediate(255), is_immediate(0x3FC00), is_immediate(257), is_immediate(0x00AB00AB)
    (True, True, False, True)
    """
    value &= 0xFFFFFFFF
    if value < 256 or value.bit_length() - (value & -value).bit_length() < 8:
        return True
    low, next_low = value & 0xFF, value >> 8 & 0xFF
    return value in (low * 0x00010001, next_low * 0x01000100, low * 0x01010101)


def generate(node: MacNode, code_range: tuple[int, int], multiply_add_cycles: int = 1) -> Listing:
    """The layer's function, ``(input, output)`` in r0 and r1; its cycles where a multiply-add takes as many as said."""
    requant = node.requant
    if requant is None:
        raise InternalError(f"{node.name}: no requantization")
    rows = list(_rows(node, code_range))
    registers = _allocate(rows, requant)
    code = Listing(GUARD)
    writer = _Writer(code, registers, requant, multiply_add_cycles, code_range[0] < 0)
    writer.function(rows)
    return code


def _rows(node: MacNode, code_range: tuple[int, int]) -> Iterator[Row]:
    requant = node.requant
    assert requant is not None
    bounds = row_bounds(node, code_range)
    matrix = node.matrix.astype(np.int64)
    for number in range(node.outputs):
        columns = np.flatnonzero(matrix[number])
        values = matrix[number, columns]
        by = order(columns, values, TILE, backwards=number % 2 == 1)
        multiplier = multiplier_of(requant, number)
        yield Row(
            number, int(node.bias[number]), tuple(columns[by].tolist()), tuple(values[by].tolist()),
            multiplier, must_clamp(requant, int(bounds[number]), multiplier),
        )  # fmt: skip


def _is_power(magnitude: int) -> bool:
    return magnitude & (magnitude - 1) == 0


def _groups(row: Row) -> Iterator[int]:
    """The magnitudes that a row goes through, one for each run of equal ones."""
    last = 0
    for value in row.values:
        if abs(value) != last:
            last = abs(value)
            yield last


def _allocate(rows: list[Row], requant: Requant) -> _Registers:
    """The split of the registers that takes fewest cycles."""
    nonzero = sum(len(row.values) for row in rows)
    uses = Counter(magnitude for row in rows for magnitude in _groups(row) if not _is_power(magnitude))
    ranked = [magnitude for magnitude, _ in uses.most_common()]
    best: tuple[int, _Registers] | None = None
    for batch in range(1, _MOST_TEMPORARIES + 1):
        for held in (0, 1, 2):
            if held and requant.per_channel:
                continue
            left = len(_REGISTERS) - batch - held
            if left < 1:
                continue
            needs_constant = held == 0 or len(ranked) > left
            kept = ranked[: left - 1] if needs_constant else ranked
            cycles = math.ceil(nonzero / batch) + sum(uses[m] for m in ranked[len(kept) :])
            cycles += len(rows) * (3, 2, 1)[held] + len(kept) + 2 * min(11, batch + held + len(kept))
            if best is None or cycles < best[0]:
                free = iter(_REGISTERS)
                best = (cycles, _Registers(
                    temporaries=tuple(next(free) for _ in range(batch)),
                    constant=next(free) if needs_constant else None,
                    multiplier=next(free) if held else None,
                    rounding=next(free) if held == 2 else None,
                    magnitudes={magnitude: next(free) for magnitude in kept},
                ))  # fmt: skip
    assert best is not None
    return best[1]


@dataclass
class _Writer:
    code: Listing
    registers: _Registers
    requant: Requant
    multiply_add_cycles: int
    signed: bool
    tile: int = 0
    out_tile: int = 0

    def emit(self, text: str, cycles: int = 1) -> None:
        self.code.add(text, _WIDE, cycles)

    def function(self, rows: list[Row]) -> None:
        registers = self.registers
        saved = registers.saved
        if saved:
            self.emit(f"push.w {{{', '.join(saved)}}}", 1 + len(saved))
        for magnitude, register in registers.magnitudes.items():
            self.emit(f"mov.w {register}, #{magnitude}")
        if registers.multiplier is not None:
            self.emit(f"movw {registers.multiplier}, #{int(self.requant.multiplier[0])}")
        if registers.rounding is not None:
            self.emit(f"mov.w {registers.rounding}, #{1 << (self.requant.post_shift - 1)}")
        self.rows(rows)
        if saved:
            self.emit(f"pop.w {{{', '.join((*saved[:-1], 'pc'))}}}", 3 + len(saved))
        else:
            self.code.add("bx lr", 2, 3)
            self.code.add("nop", 2, 0)

    def rows(self, rows: list[Row]) -> None:
        """Batches run on over the ends of rows: what is loaded early waits in its register."""
        stream = [column for row in rows for column in row.columns]
        loaded = done = constant = 0
        batch = self.registers.temporaries
        for row in rows:
            self.code.note(f"row {row.number}")
            self.start(row.bias)
            for value in row.values:
                if done == loaded:
                    loaded = min(len(stream), done + len(batch))
                    for place in range(done, loaded):
                        self.load(batch[place % len(batch)], stream[place])
                    self.code.cycles += 1  # the first of a batch takes two
                constant = self.accumulate(batch[done % len(batch)], value, constant)
                done += 1
            constant = self.finish(row, constant)

    def load(self, register: str, column: int) -> None:
        self.tile = self.move(_IN, self.tile, column // TILE)
        self.emit(f"ldr{'s' if self.signed else ''}b.w {register}, [{_IN}, #{column % TILE}]")

    def move(self, register: str, tile: int, wanted: int) -> int:
        """Moves a pointer by tiles."""
        while tile != wanted:
            step = max(-255, min(255, wanted - tile))
            self.emit(f"{'add' if step > 0 else 'sub'}.w {register}, {register}, #{abs(step) * TILE}")
            tile += step
        return tile

    def start(self, bias: int) -> None:
        if is_immediate(bias):
            self.emit(f"mov.w {_SUM}, #{bias & 0xFFFFFFFF}")
        elif is_immediate(~bias):
            self.emit(f"mvn.w {_SUM}, #{~bias & 0xFFFFFFFF}")
        else:
            self.emit(f"movw {_SUM}, #{bias & 0xFFFF}")
            if not 0 <= bias < 1 << 16:
                self.emit(f"movt {_SUM}, #{bias >> 16 & 0xFFFF}")

    def accumulate(self, register: str, value: int, constant: int) -> int:
        """Adds one product; returns the magnitude that the constant's register holds now."""
        magnitude = abs(value)
        if _is_power(magnitude):
            shift = f", lsl #{magnitude.bit_length() - 1}" if magnitude > 1 else ""
            self.emit(f"{'add' if value > 0 else 'sub'}.w {_SUM}, {_SUM}, {register}{shift}")
            return constant
        factor = self.registers.magnitudes.get(magnitude)
        if factor is None:
            factor = self.registers.constant
            if magnitude != constant:
                self.emit(f"mov.w {factor}, #{magnitude}")
                constant = magnitude
        name = "mla" if value > 0 else "mls"
        self.emit(f"{name} {_SUM}, {register}, {factor}, {_SUM}", self.multiply_add_cycles)
        return constant

    def finish(self, row: Row, constant: int) -> int:
        """Requantizes and stores: the same steps as ``tb_requantize``; returns what the constant's register holds."""
        requant, registers = self.requant, self.registers
        shift = f", asr #{requant.pre_shift}" if requant.pre_shift else ""
        if row.saturate:
            self.emit(f"ssat {_SUM}, #16, {_SUM}{shift}")
        elif shift:
            self.emit(f"asr.w {_SUM}, {_SUM}, #{requant.pre_shift}")
        factor = registers.multiplier
        if factor is None:
            factor, constant = registers.constant, 0
            self.emit(f"movw {factor}, #{row.multiplier}")
        if registers.rounding is not None:
            self.emit(f"mla {_SUM}, {_SUM}, {factor}, {registers.rounding}", self.multiply_add_cycles)
        else:
            self.emit(f"mul.w {_SUM}, {_SUM}, {factor}")
            self.emit(f"add.w {_SUM}, {_SUM}, #{1 << (requant.post_shift - 1)}")
        self.clamp()
        self.out_tile = self.move(_OUT, self.out_tile, row.number // TILE)
        self.emit(f"strb.w {_SUM}, [{_OUT}, #{row.number % TILE}]")
        return constant

    def clamp(self) -> None:
        requant = self.requant
        bits = (requant.high + 1).bit_length() - 1
        shifted = f"{_SUM}, asr #{requant.post_shift}"
        if requant.low == 0 and requant.high == (1 << bits) - 1:
            self.emit(f"usat {_SUM}, #{bits}, {shifted}")
        elif requant.high == (1 << bits) - 1 and requant.low == -(1 << bits):
            self.emit(f"ssat {_SUM}, #{bits + 1}, {shifted}")
        else:
            self.emit(f"asr.w {_SUM}, {_SUM}, #{requant.post_shift}")
            for limit, condition in ((requant.high, "gt"), (requant.low, "lt")):
                self.emit(f"cmp.w {_SUM}, #{limit}")
                self.code.add("nop", 2)  # keeps the wide instructions aligned
                self.code.add(f"it {condition}", 2)
                self.emit(f"mov{condition}.w {_SUM}, #{limit}")
