"""Canonical Huffman codes with limited lengths.

A code is the list of its lengths in bits, one for each symbol; 0 means that the symbol does not occur. Codes follow
from lengths: shorter ones first, within a length by symbol, counting up (Schwartz & Kallick 1964).
"""

from bisect import bisect_right
from collections.abc import Sequence

from tinybayes.coding.bits import BitReader


def code_lengths(frequencies: Sequence[int], max_length: int) -> list[int]:
    """Lengths of an optimal prefix code in which no code is longer than ``max_length`` bits.

    Package-merge (Larmore & Hirschberg, J. ACM 37(3), 1990): a code of length l is l coins of one weight and of face
    values 1/2, 1/4, ..., 2**-l; the cheapest coins worth n - 1 give the lengths. A lone symbol gets length 1.
    Raises ValueError for a negative frequency or more used symbols than ``2**max_length``.
    """
    if any(f < 0 for f in frequencies):
        raise ValueError("frequencies must not be negative")
    used = sorted((f, symbol) for symbol, f in enumerate(frequencies) if f > 0)
    lengths = [0] * len(frequencies)
    if max_length < 1 or len(used) > 1 << max_length:
        raise ValueError(f"{len(used)} symbols need codes longer than {max_length} bits")
    if len(used) == 1:
        lengths[used[0][1]] = 1
        return lengths
    leaves = [(f, [symbol]) for f, symbol in used]
    packages: list[tuple[int, list[int]]] = []
    for _ in range(max_length):
        # The sort is stable and leaves come first: among equals the shallower tree wins, so the result is unique.
        merged = sorted(leaves + packages, key=lambda coin: coin[0])
        pairs = zip(merged[0::2], merged[1::2], strict=False)
        packages = [(left[0] + right[0], left[1] + right[1]) for left, right in pairs]
    for _, symbols in packages[: max(len(used) - 1, 0)]:
        for symbol in symbols:
            lengths[symbol] += 1
    return lengths


def coded_bits(frequencies: Sequence[int], lengths: Sequence[int]) -> int:
    """Bits that a message with these symbol frequencies takes."""
    return sum(f * length for f, length in zip(frequencies, lengths, strict=True))


def _free_slots(lengths: Sequence[int]) -> int:
    """``2**longest * (1 - Kraft sum)``; ValueError when the code is over-subscribed or a length is negative."""
    if any(length < 0 for length in lengths):
        raise ValueError("code lengths must not be negative")
    longest = max(lengths, default=0)
    taken = sum(1 << (longest - length) for length in lengths if length)
    free = (1 << longest) - taken
    if free < 0:
        raise ValueError(f"code lengths are over-subscribed: {taken} of {1 << longest} codes of {longest} bits taken")
    return free


def check_lengths(lengths: Sequence[int]) -> None:
    """Raises ValueError unless a prefix code with these lengths exists (Kraft's inequality) and has a symbol."""
    _free_slots(lengths)
    if not any(lengths):
        raise ValueError("code lengths name no symbol")


def is_complete(lengths: Sequence[int]) -> bool:
    """Whether every bit string decodes (Kraft's sum is 1); ValueError as in ``check_lengths``."""
    check_lengths(lengths)
    return _free_slots(lengths) == 0


def _canonical_order(lengths: Sequence[int]) -> list[int]:
    return sorted((s for s, length in enumerate(lengths) if length), key=lambda s: (lengths[s], s))


def canonical_codes(lengths: Sequence[int]) -> list[int]:
    """The code of each symbol as a number of ``lengths[symbol]`` bits; 0 for unused symbols."""
    _free_slots(lengths)
    codes = [0] * len(lengths)
    code = previous = 0
    for symbol in _canonical_order(lengths):
        code <<= lengths[symbol] - previous
        codes[symbol] = code
        previous = lengths[symbol]
        code += 1
    return codes


def lookup_table(lengths: Sequence[int], index_bits: int) -> list[tuple[int, int]]:
    """(symbol, length) for each of the ``2**index_bits`` values of the next ``index_bits`` bits.

    Indices that no code of an incomplete code begins get the last symbol, so that a decoder cannot leave the table.
    Raises ValueError as in ``check_lengths`` and when a code is longer than ``index_bits``.
    """
    check_lengths(lengths)
    if max(lengths) > index_bits:
        raise ValueError(f"a code of {max(lengths)} bits does not fit an index of {index_bits} bits")
    table: list[tuple[int, int]] = []
    for symbol in _canonical_order(lengths):
        table += [(symbol, lengths[symbol])] * (1 << (index_bits - lengths[symbol]))
    return table + [table[-1]] * ((1 << index_bits) - len(table))


class CanonicalDecoder:
    """Decodes by searching the first codes, aligned at the longest length; ValueError as in ``check_lengths``."""

    def __init__(self, lengths: Sequence[int]) -> None:
        check_lengths(lengths)
        codes = canonical_codes(lengths)
        self._longest = max(lengths)
        self._symbols = _canonical_order(lengths)
        self._lengths = [lengths[s] for s in self._symbols]
        self._first = [codes[s] << (self._longest - lengths[s]) for s in self._symbols]
        self._limit = self._first[-1] + (1 << (self._longest - self._lengths[-1]))

    def read(self, reader: BitReader) -> int:
        """The next symbol; EndOfBitsError at the end, ValueError for bits that are no code."""
        window = reader.peek(self._longest)
        if window >= self._limit:
            raise ValueError(f"bit {reader.position}: no code begins with these bits")
        rank = bisect_right(self._first, window) - 1
        reader.skip(self._lengths[rank])
        return self._symbols[rank]
