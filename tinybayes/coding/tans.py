"""Tabled asymmetric numeral systems: an entropy coder whose states are the rows of one table.

After Duda, *Asymmetric numeral systems* (arXiv 1311.2540, 2013), with the spread of symbols that Collet's finite state
entropy coder uses. A state in ``0 .. 2**table_bits - 1`` names a symbol, a number of bits to read, and a base that the
bits are added to for the next state. Encoding runs backwards, so that decoding runs forwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from tinybayes.coding.bits import BitReader, BitWriter


@dataclass(frozen=True)
class TansTable:
    """``symbols``, ``bits`` and ``bases`` by state; ``counts`` says how many states each symbol has."""

    table_bits: int
    counts: tuple[int, ...]
    symbols: tuple[int, ...]
    bits: tuple[int, ...]
    bases: tuple[int, ...]


def state_counts(frequencies: Sequence[int], table_bits: int) -> list[int]:
    """How many of ``2**table_bits`` states each symbol gets, so that a message with these frequencies is shortest.

    Each symbol that occurs starts with one; each further state goes where it saves most bits. ValueError for a negative
    frequency, for no symbol at all, or for more symbols than states.
    """
    states = 1 << table_bits
    used = [symbol for symbol, frequency in enumerate(frequencies) if frequency]
    if any(frequency < 0 for frequency in frequencies):
        raise ValueError("frequencies must not be negative")
    if not used or len(used) > states:
        raise ValueError(f"{len(used)} symbols do not fit {states} states")
    counts = [int(frequency > 0) for frequency in frequencies]
    for _ in range(states - len(used)):
        best = max(used, key=lambda symbol: frequencies[symbol] * log2(1 + 1 / counts[symbol]))
        counts[best] += 1
    return counts


def tans_table(counts: Sequence[int], table_bits: int) -> TansTable:
    """The table for these numbers of states; ValueError unless they add up to ``2**table_bits``."""
    states = 1 << table_bits
    if sum(counts) != states:
        raise ValueError(f"{sum(counts)} states in a table of {states}")
    symbols = [0] * states
    step = (states >> 1) + (states >> 3) + 3 if states > 8 else 1
    position = 0
    for symbol, count in enumerate(counts):
        for _ in range(count):
            symbols[position] = symbol
            position = (position + step) % states
    following = list(counts)
    bits, bases = [], []
    for symbol in symbols:
        number = following[symbol]  # counts[symbol] .. 2 * counts[symbol] - 1
        following[symbol] += 1
        width = table_bits - (number.bit_length() - 1)
        bits.append(width)
        bases.append((number << width) - states)
    return TansTable(table_bits, tuple(counts), tuple(symbols), tuple(bits), tuple(bases))


class TansEncoder:
    """The other way round: for a symbol and the next state, the state before it and the bits to write."""

    def __init__(self, table: TansTable) -> None:
        self._states = 1 << table.table_bits
        self._ranges: dict[int, list[tuple[int, int, int]]] = {}
        for state, (symbol, width, base) in enumerate(zip(table.symbols, table.bits, table.bases, strict=True)):
            self._ranges.setdefault(symbol, []).append((base, width, state))

    def step(self, symbol: int, following: int) -> tuple[int, int, int]:
        """(state, value, width): decoding ``symbol`` in ``state`` and reading ``value`` leads to ``following``.

        Raises ValueError for a symbol that has no state.
        """
        for base, width, state in self._ranges.get(symbol, ()):
            if base <= following < base + (1 << width):
                return state, following - base, width
        raise ValueError(f"symbol {symbol} has no state")


def tans_encode(symbols: Sequence[int], table: TansTable) -> bytes:
    """The first state in ``table_bits`` bits, then what each symbol but the last reads."""
    encoder = TansEncoder(table)
    state, fields = 0, []
    for symbol in reversed(symbols):
        state, value, width = encoder.step(symbol, state)
        fields.append((value, width))
    writer = BitWriter()
    writer.write(state, table.table_bits)
    for value, width in reversed(fields[1:]):
        writer.write(value, width)
    return writer.getvalue()


def tans_decode(data: bytes, length: int, table: TansTable) -> list[int]:
    """``length`` symbols; EndOfBitsError where ``data`` is shorter than it should be."""
    reader = BitReader(data)
    state = reader.read(table.table_bits)
    symbols: list[int] = []
    while len(symbols) < length:
        symbols.append(table.symbols[state])
        if len(symbols) < length:
            state = table.bases[state] + reader.read(table.bits[state])
    return symbols
