"""A small DEFLATE encoder (RFC 1951), so that a file does not depend on which zlib the machine has.

zlib's inflate reads the result; its deflate, and those that stand in for it, may choose other matches in every release.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from tinybayes.coding.huffman import canonical_codes, code_lengths

_WINDOW, _MIN_MATCH, _MAX_MATCH, _CHAIN = 32768, 3, 258, 64
_GOOD_MATCH = 32  # not worth looking for a longer one a byte later
_FAR = 2048  # a match of three bytes from further away costs more than three literals
_END = 256

# RFC 1951, 3.2.5 and 3.2.7
_LENGTH_EXTRA = [0] * 8 + [e for e in range(1, 6) for _ in range(4)] + [0]
_LENGTH_BASE = [3 + sum(1 << e for e in _LENGTH_EXTRA[:i]) for i in range(28)] + [_MAX_MATCH]
_DISTANCE_EXTRA = [0, 0] + [e for e in range(14) for _ in range(2)]
_DISTANCE_BASE = [1 + sum(1 << e for e in _DISTANCE_EXTRA[:i]) for i in range(30)]
_LENGTH_CODE = [max(c for c in range(29) if _LENGTH_BASE[c] <= n) for n in range(_MIN_MATCH, _MAX_MATCH + 1)]
_META_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)

_Match = tuple[int, int]


def deflate(data: bytes) -> bytes:
    """``data`` as one raw DEFLATE block with Huffman codes of its own; the same bytes on every machine."""
    tokens = list(_tokens(data))
    literals, distances = Counter([_END]), Counter[int]()
    for length, distance in tokens:
        if distance:
            literals[257 + _LENGTH_CODE[length - _MIN_MATCH]] += 1
            distances[_distance_code(distance)] += 1
        else:
            literals[length] += 1
    literal_lengths = code_lengths([literals[s] for s in range(max(literals) + 1)], 15)
    distance_lengths = code_lengths([distances[s] for s in range(max(distances, default=0) + 1)], 15)
    fields = ["1", _number(2, 2), *_code_table(literal_lengths, distance_lengths)]
    literal_codes, distance_codes = _code_strings(literal_lengths), _code_strings(distance_lengths)
    for length, distance in tokens:
        if not distance:
            fields.append(literal_codes[length])
            continue
        symbol, far = _LENGTH_CODE[length - _MIN_MATCH], _distance_code(distance)
        fields += (
            literal_codes[257 + symbol],
            _number(length - _LENGTH_BASE[symbol], _LENGTH_EXTRA[symbol]),
            distance_codes[far],
            _number(distance - _DISTANCE_BASE[far], _DISTANCE_EXTRA[far]),
        )
    fields.append(literal_codes[_END])
    bits = np.frombuffer("".join(fields).encode(), dtype=np.uint8) - ord("0")
    return np.packbits(bits, bitorder="little").tobytes()


def _number(value: int, bits: int) -> str:
    """A number in the order of the stream: low bit first (codes go high bit first)."""
    return f"{value:0{bits}b}"[::-1] if bits else ""


def _code_strings(lengths: list[int]) -> list[str]:
    codes = canonical_codes(lengths)
    return [f"{code:0{length}b}" if length else "" for code, length in zip(codes, lengths, strict=True)]


def _distance_code(distance: int) -> int:
    if distance <= 2:
        return distance - 1
    extra = (distance - 1).bit_length() - 2
    return 2 * extra + 2 + ((distance - 1) >> extra & 1)


def _code_table(literal_lengths: list[int], distance_lengths: list[int]) -> Iterator[str]:
    runs = list(_runs(literal_lengths + distance_lengths))
    used = Counter(symbol for symbol, _, _ in runs)
    lengths = code_lengths([used[s] for s in range(19)], 7)
    codes = _code_strings(lengths)
    sent = max(i for i, symbol in enumerate(_META_ORDER) if lengths[symbol]) + 1
    yield _number(len(literal_lengths) - 257, 5)
    yield _number(len(distance_lengths) - 1, 5)
    yield _number(max(sent, 4) - 4, 4)
    for symbol in _META_ORDER[: max(sent, 4)]:
        yield _number(lengths[symbol], 3)
    for symbol, extra, extra_bits in runs:
        yield codes[symbol]
        yield _number(extra, extra_bits)


def _runs(lengths: list[int]) -> Iterator[tuple[int, int, int]]:
    """Code lengths as (symbol, extra, extra bits): 16 repeats the last length, 17 and 18 are runs of zeros."""
    i = 0
    while i < len(lengths):
        run = 1
        while i + run < len(lengths) and lengths[i + run] == lengths[i]:
            run += 1
        if lengths[i] == 0 and run >= 3:
            run = min(run, 138)
            yield (17, run - 3, 3) if run <= 10 else (18, run - 11, 7)
        elif i and lengths[i] == lengths[i - 1] and run >= 3:
            run = min(run, 6)
            yield 16, run - 3, 2
        else:
            run = 1
            yield lengths[i], 0, 0
        i += run


def _tokens(data: bytes) -> Iterable[_Match]:
    """(literal, 0) or (length, distance), greedy, unless a longer match begins at the next byte."""
    chains: dict[bytes, list[int]] = {}
    i, known = 0, 0
    while i < len(data):
        known = _enter(chains, data, known, i)
        length, distance = _longest(chains, data, i)
        if _MIN_MATCH <= length < _GOOD_MATCH:
            known = _enter(chains, data, known, i + 1)
            if _longest(chains, data, i + 1)[0] > length:
                length = 0
        if length >= _MIN_MATCH:
            yield length, distance
            i += length
        else:
            yield data[i], 0
            i += 1


def _enter(chains: dict[bytes, list[int]], data: bytes, first: int, end: int) -> int:
    for i in range(first, end):
        chains.setdefault(data[i : i + _MIN_MATCH], []).append(i)
    return max(first, end)


def _longest(chains: dict[bytes, list[int]], data: bytes, i: int) -> _Match:
    best = 0, 0
    limit = min(_MAX_MATCH, len(data) - i)
    if limit < _MIN_MATCH:
        return best
    for start in reversed(chains.get(data[i : i + _MIN_MATCH], [])[-_CHAIN:]):
        distance = i - start
        if distance > _WINDOW:
            break
        if best[0] == limit:
            break
        if data[start + best[0]] != data[i + best[0]]:
            continue  # cannot be longer than the best so far
        length = _MIN_MATCH
        while length < limit and data[start + length] == data[i + length]:
            length += 1
        if length > best[0] and (length > _MIN_MATCH or distance <= _FAR):
            best = length, distance
    return best
