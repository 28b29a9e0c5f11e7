"""Weights and positions as entropy-coded sections.

Positions (of nonzeros, or of selected elements): the number of gap buckets in 5 bits, 4 bits of code length for each,
then for each position the code of its bucket and the bucket's extra bits. Values: the number of levels less one in 8
bits; the levels themselves, as int8 in ascending order when there are less than 32, otherwise as a map of the 256
int8 codes; 4 bits of code length for each level; then the code of each value.
"""

from collections.abc import Callable
from math import prod

import numpy as np
import numpy.typing as npt

from tinybayes.coding import (
    BitReader,
    BitWriter,
    CanonicalDecoder,
    canonical_codes,
    code_lengths,
    gap_buckets,
    gaps_from_buckets,
    gaps_from_positions,
    positions_from_gaps,
)
from tinybayes.errors import FileFormatError
from tinybayes.tbn.fields import Fields
from tinybayes.tbn.limits import MAX_WEIGHTS
from tinybayes.tbn.payload import PayloadReader, PayloadWriter, Record, check_padding

_MAX_CODE_BITS = 15
_MAX_BUCKETS = 26  # gaps below 2**26
_LISTED_LEVELS = 32

Int8 = npt.NDArray[np.int8]


def write_positions(writer: BitWriter, positions: npt.NDArray[np.int64]) -> None:
    """Appends ascending positions, gap by gap."""
    buckets, extras = (a.tolist() for a in gap_buckets(gaps_from_positions(positions)))
    lengths = code_lengths(np.bincount(buckets).tolist(), _MAX_CODE_BITS)
    codes = canonical_codes(lengths)
    writer.write(len(lengths), 5)
    for length in lengths:
        writer.write(length, 4)
    for bucket, extra in zip(buckets, extras, strict=True):
        writer.write((codes[bucket] << bucket) | extra, lengths[bucket] + bucket)


def read_positions(reader: BitReader, count: int, size: int) -> npt.NDArray[np.int64]:
    """``count`` ascending positions below ``size``; ValueError when the bits say otherwise."""
    buckets = reader.read(5)
    if buckets > _MAX_BUCKETS:
        raise ValueError(f"{buckets} gap buckets, the limit is {_MAX_BUCKETS}")
    decoder = CanonicalDecoder([reader.read(4) for _ in range(buckets)])
    pairs = [(bucket := decoder.read(reader), reader.read(bucket)) for _ in range(count)]
    positions = positions_from_gaps(gaps_from_buckets([b for b, _ in pairs], [extra for _, extra in pairs]))
    if int(positions[-1]) >= size:
        raise ValueError(f"position {positions[-1]} lies outside {size} elements")
    return positions


def write_values(writer: BitWriter, values: Int8) -> None:
    """Appends int8 values as Huffman codes over their distinct levels."""
    levels, symbols, counts = np.unique(values, return_inverse=True, return_counts=True)
    lengths = code_lengths(counts.tolist(), _MAX_CODE_BITS)
    codes = canonical_codes(lengths)
    writer.write(len(levels) - 1, 8)
    if len(levels) < _LISTED_LEVELS:
        for level in levels.tolist():
            writer.write(level & 255, 8)
    else:
        writer.write(sum(1 << (127 - level) for level in levels.tolist()), 256)
    for length in lengths:
        writer.write(length, 4)
    for symbol in symbols.ravel().tolist():
        writer.write(codes[symbol], lengths[symbol])


def read_values(reader: BitReader, count: int) -> Int8:
    """``count`` int8 values; ValueError when the bits say otherwise."""
    size = reader.read(8) + 1
    if size < _LISTED_LEVELS:
        levels = [(reader.read(8) ^ 128) - 128 for _ in range(size)]
    else:
        level_map = reader.read(256)
        levels = [level for level in range(-128, 128) if level_map >> (127 - level) & 1]
    if len(levels) != size or levels != sorted(set(levels)):
        raise ValueError(f"the levels are not {size} ascending numbers")
    decoder = CanonicalDecoder([reader.read(4) for _ in levels])
    symbols = [decoder.read(reader) for _ in range(count)]
    return np.array(levels, dtype=np.int8)[symbols]


def _write_gaps(weight: Int8) -> bytes:
    writer, flat = BitWriter(), weight.ravel()
    positions = np.flatnonzero(flat)
    if positions.size:
        write_positions(writer, positions)
        write_values(writer, flat[positions])
    return writer.getvalue()


def _read_gaps(reader: BitReader, size: int, nonzero: int) -> Int8:
    flat = np.zeros(size, dtype=np.int8)
    if nonzero:
        positions = read_positions(reader, nonzero, size)
        values = read_values(reader, nonzero)
        if not values.all():
            raise ValueError("a zero among the nonzero levels")
        flat[positions] = values
    return flat


def _write_huffman(weight: Int8) -> bytes:
    writer = BitWriter()
    write_values(writer, weight.ravel())
    return writer.getvalue()


def _read_huffman(reader: BitReader, size: int, nonzero: int) -> Int8:
    if size > reader.bits_left:
        raise ValueError(f"{size} codes in {reader.bits_left} bits")
    return _counted(read_values(reader, size), nonzero)


def _write_raw(weight: Int8) -> bytes:
    return weight.tobytes()


def _read_raw(reader: BitReader, size: int, nonzero: int) -> Int8:
    if 8 * size != reader.bits_left:
        raise ValueError(f"{size} weights in {reader.bits_left // 8} bytes")
    section = reader.read(8 * size).to_bytes(size, "big")
    return _counted(np.frombuffer(section, dtype=np.int8).copy(), nonzero)


def _counted(flat: Int8, nonzero: int) -> Int8:
    if np.count_nonzero(flat) != nonzero:
        raise ValueError(f"{np.count_nonzero(flat)} weights are not zero, the record says {nonzero}")
    return flat


# In order of preference between equal sizes.
CODINGS: dict[str, tuple[Callable[[Int8], bytes], Callable[[BitReader, int, int], Int8]]] = {
    "raw": (_write_raw, _read_raw),
    "gaps": (_write_gaps, _read_gaps),
    "huffman": (_write_huffman, _read_huffman),
}


def add_weight(payload: PayloadWriter, weight: Int8) -> Record:
    """Appends an int8 weight of shape (outputs, height, width, channels) in the smallest coding."""
    sections = {coding: write(weight) for coding, (write, _) in CODINGS.items()}
    coding = min(sections, key=lambda name: len(sections[name]))
    payload.add(sections[coding])
    return {
        "bytes": len(sections[coding]),
        "coding": coding,
        "nonzero": int(np.count_nonzero(weight)),
        "shape": list(weight.shape),
    }


def take_weight(payload: PayloadReader, owner: Fields, key: str) -> Int8:
    """The weight that ``add_weight`` wrote; FileFormatError names the record."""
    fields = owner.record(key, ("bytes", "coding", "nonzero", "shape"))
    shape = fields.integers("shape", 1, MAX_WEIGHTS, (4,))
    size = prod(shape)
    if size > MAX_WEIGHTS:
        raise fields.fail("shape", f"at most {MAX_WEIGHTS} weights")
    _, read = CODINGS[fields.choice("coding", CODINGS)]
    section = payload.take(fields.integer("bytes", 0, payload.bytes_left), fields.where)
    # Every nonzero takes at least a bit, so this also bounds what is allocated for them.
    nonzero = fields.integer("nonzero", 0, min(size, 8 * len(section)))
    reader = BitReader(section)
    try:
        flat = read(reader, size, nonzero)
    except ValueError as error:
        raise FileFormatError(f"{fields.where}: {error}") from None
    check_padding(reader, fields.where)
    return flat.reshape(shape)


def add_positions(payload: PayloadWriter, positions: npt.NDArray[np.int64]) -> Record:
    """Appends one or more ascending positions."""
    writer = BitWriter()
    write_positions(writer, positions)
    section = writer.getvalue()
    payload.add(section)
    return {"bytes": len(section), "count": int(positions.size)}


def take_positions(payload: PayloadReader, owner: Fields, key: str, size: int) -> npt.NDArray[np.int64]:
    """The positions, all below ``size``, that ``add_positions`` wrote; FileFormatError names the record."""
    fields = owner.record(key, ("bytes", "count"))
    section = payload.take(fields.integer("bytes", 0, payload.bytes_left), fields.where)
    count = fields.integer("count", 1, min(size, max(1, 8 * len(section))))
    reader = BitReader(section)
    try:
        positions = read_positions(reader, count, size)
    except ValueError as error:
        raise FileFormatError(f"{fields.where}: {error}") from None
    check_padding(reader, fields.where)
    return positions
