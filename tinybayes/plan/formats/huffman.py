"""Canonical Huffman codes for gaps and values, which the device decodes as it runs.

The layout is that of ``struct tb_huffman`` in ``firmware/runtime/tb_formats.h``. Gaps run over the whole matrix as if
it were one row, so no row needs a count; they fall into buckets of doubling width, whose number is coded and whose
offset follows as plain bits. Length limits, and with them table sizes, are chosen by exact bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinybayes.coding.bits import BitWriter
from tinybayes.coding.gaps import gap_buckets
from tinybayes.coding.huffman import canonical_codes, code_lengths, lookup_table
from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays, segment_columns

NAME = "huffman"
MAX_SYMBOLS = 32
MAX_CODE_BITS = 8
WORD_BITS = 32


@dataclass(frozen=True)
class _Code:
    """A canonical code and the width of the table that decodes it."""

    lengths: Sequence[int]
    codes: Sequence[int]
    table_bits: int

    def entries(self) -> list[tuple[int, int]]:
        """(symbol, length of its code) for each value of the next ``table_bits`` bits."""
        return list(lookup_table(self.lengths, self.table_bits))


def encode(node: MacNode, _site: Site) -> Encoding | Illegal:
    """Codes for gaps and values; illegal for more than 32 levels, or codes longer than the decoder's window."""
    flat = node.weight.reshape(-1).astype(np.int64)
    positions = np.flatnonzero(flat)
    levels, value_symbols = np.unique(flat[positions], return_inverse=True)
    if len(levels) > MAX_SYMBOLS:
        return Illegal(NAME, f"{len(levels)} distinct values where a table has room for {MAX_SYMBOLS}")
    if not len(levels):
        return Illegal(NAME, "there is no nonzero to begin with")
    # One more gap reaches past the end and stops the last row; its value, the commonest one, is never used.
    gaps = np.diff(np.append(positions, flat.size))
    value_symbols = np.append(value_symbols[1:], np.bincount(value_symbols).argmax())
    buckets, extras = gap_buckets(gaps)
    gap_code, value_code = _best_code(buckets, 8), _best_code(value_symbols, 16)
    longest_gap = max(gap_code.lengths[bucket] + bucket for bucket in set(buckets.tolist()))
    if longest_gap + max(value_code.lengths) > WORD_BITS:
        return Illegal(NAME, f"a nonzero takes more than the {WORD_BITS} bits that the decoder sees at once")

    writer = BitWriter()
    for bucket, extra, symbol in zip(buckets.tolist(), extras.tolist(), value_symbols.tolist(), strict=True):
        writer.write(gap_code.codes[bucket], gap_code.lengths[bucket])
        writer.write(extra, bucket)
        writer.write(value_code.codes[symbol], value_code.lengths[symbol])
    stream = _words(writer)

    arrays, constants = row_arrays(node)
    encoded = (
        WeightArray("stream", stream, "weights", "gap code, extra bits, value code of each nonzero"),
        WeightArray("gap_table", _gap_table(gap_code, value_code.table_bits), "tables", "shift << 3 | (length - 1)"),
        WeightArray("value_table", _value_table(value_code, levels), "tables", "weight << 8 | (length + shift)"),
    )
    kernel = {
        "gap_bits": gap_code.table_bits,
        "value_bits": value_code.table_bits,
        "columns": segment_columns(node),
        "first_column": int(positions[0]),
        "first_value": int(flat[positions[0]]),
    }
    return Encoding(NAME, (*encoded, *arrays), {**constants, **kernel})


def _words(writer: BitWriter) -> npt.NDArray[np.uint32]:
    """The bits from the top of each word down, and two words from the one in which they end."""
    size_bytes = 4 * (writer.bit_length // WORD_BITS + 2)
    return np.frombuffer(writer.getvalue().ljust(size_bytes, b"\0"), dtype=">u4").astype(np.uint32)


def _gap_table(code: _Code, value_bits: int) -> npt.NDArray[np.uint8]:
    """How far to shift the window right so that a gap and the bits that hold the value's code are left."""
    shifts = [(31 - bucket - value_bits, length) for bucket, length in code.entries()]
    return np.array([shift << 3 | (length - 1) for shift, length in shifts], dtype=np.uint8)


def _value_table(code: _Code, levels: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """The weight, and what the code's length and the gap's shift leave to be added to the position."""
    entries = [(int(levels[symbol]), length + 32 - code.table_bits) for symbol, length in code.entries()]
    return np.array([level * 256 + advance for level, advance in entries], dtype=np.int16)


def _best_code(symbols: npt.NDArray[np.int64], entry_bits: int) -> _Code:
    """The code whose stream and table together are smallest, over all length limits the decoder allows."""
    frequencies = np.bincount(symbols).tolist()
    used = sum(1 for frequency in frequencies if frequency)
    shortest = max(1, (used - 1).bit_length())

    def total_bits(lengths: Sequence[int]) -> int:
        return int(sum(f * n for f, n in zip(frequencies, lengths, strict=True))) + entry_bits * (1 << max(lengths))

    candidates = (code_lengths(frequencies, limit) for limit in range(shortest, MAX_CODE_BITS + 1))
    lengths = min(candidates, key=total_bits)
    return _Code(lengths, canonical_codes(lengths), max(lengths))
