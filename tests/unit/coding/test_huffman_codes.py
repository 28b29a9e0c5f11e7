import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybayes.coding import (
    BitReader,
    BitWriter,
    CanonicalDecoder,
    EndOfBitsError,
    canonical_codes,
    check_lengths,
    code_lengths,
    coded_bits,
    is_complete,
    lookup_table,
)

alphabets = st.lists(st.integers(0, 10_000), min_size=1, max_size=60).filter(any)


def kraft(lengths):
    return sum((Fraction(1, 1 << length) for length in lengths if length), Fraction(0))


def encode(symbols, lengths):
    codes, writer = canonical_codes(lengths), BitWriter()
    for symbol in symbols:
        writer.write(codes[symbol], lengths[symbol])
    return writer


@settings(deadline=None)
@given(st.lists(st.integers(1, 50), min_size=2, max_size=5), st.integers(3, 5))
def test_no_code_of_the_allowed_lengths_is_shorter(frequencies, max_length):
    choices = itertools.product(range(1, max_length + 1), repeat=len(frequencies))
    best = min(coded_bits(frequencies, lengths) for lengths in choices if kraft(lengths) <= 1)
    assert coded_bits(frequencies, code_lengths(frequencies, max_length)) == best


@settings(deadline=None)
@given(alphabets)
def test_codes_are_complete_limited_and_within_a_bit_of_the_entropy(frequencies):
    lengths = code_lengths(frequencies, 15)
    used = [f for f in frequencies if f]
    assert [length > 0 for length in lengths] == [f > 0 for f in frequencies]
    assert max(lengths) <= 15
    assert is_complete(lengths) == (len(used) > 1)
    entropy_bits = -sum(f * math.log2(f / sum(used)) for f in used)
    assert entropy_bits - 1e-6 <= coded_bits(frequencies, lengths) <= entropy_bits + sum(used) + 1e-6


@settings(deadline=None)
@given(alphabets, st.integers(6, 15))
def test_a_more_frequent_symbol_never_has_a_longer_code(frequencies, max_length):
    lengths = code_lengths(frequencies, max_length)
    by_frequency = sorted((f, -length) for f, length in zip(frequencies, lengths, strict=True) if f)
    assert [length for _, length in by_frequency] == sorted(length for _, length in by_frequency)


def test_fibonacci_frequencies_meet_the_limit():
    frequencies = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55]
    assert max(code_lengths(frequencies, 15)) == 9
    assert code_lengths(frequencies, 4) == [4, 4, 4, 4, 4, 4, 3, 3, 3, 2]


def test_a_single_symbol_takes_one_bit():
    assert code_lengths([0, 0, 7, 0], 8) == [0, 0, 1, 0]
    assert canonical_codes([0, 0, 1, 0]) == [0, 0, 0, 0]
    assert lookup_table([0, 0, 1, 0], 2) == [(2, 1)] * 4
    decoder = CanonicalDecoder([0, 0, 1, 0])
    assert decoder.read(BitReader(b"\x00")) == 2
    with pytest.raises(ValueError, match="bit 0: no code begins"):
        decoder.read(BitReader(b"\x80"))


def test_no_symbols_have_no_code():
    assert code_lengths([0, 0], 8) == [0, 0]
    for refused in (CanonicalDecoder, check_lengths, is_complete):
        with pytest.raises(ValueError, match="no symbol"):
            refused([0, 0])


@pytest.mark.parametrize(("frequencies", "max_length"), [([1] * 5, 2), ([1], 0), ([3, -1], 4)])
def test_impossible_alphabets_are_refused(frequencies, max_length):
    with pytest.raises(ValueError, match=r"longer than|negative"):
        code_lengths(frequencies, max_length)


def test_codes_count_up_shorter_ones_first_then_by_symbol():
    assert canonical_codes([3, 1, 3, 2]) == [0b110, 0b0, 0b111, 0b10]


@settings(deadline=None)
@given(alphabets, st.data())
def test_messages_come_back(frequencies, data):
    lengths = code_lengths(frequencies, 12)
    used = [symbol for symbol, f in enumerate(frequencies) if f]
    message = data.draw(st.lists(st.sampled_from(used), max_size=60))
    writer = encode(message, lengths)
    reader, decoder = BitReader(writer.getvalue()), CanonicalDecoder(lengths)
    assert [decoder.read(reader) for _ in message] == message
    assert reader.position == writer.bit_length


@settings(deadline=None)
@given(alphabets)
def test_the_lookup_table_decodes_what_the_decoder_decodes(frequencies):
    lengths = code_lengths(frequencies, 8)
    table = lookup_table(lengths, 8)
    decoder = CanonicalDecoder(lengths)
    assert len(table) == 256
    for index in range(128 if sum(map(bool, lengths)) == 1 else 256):
        reader = BitReader(bytes([index]))
        assert (decoder.read(reader), reader.position) == table[index]


def test_the_tail_of_an_incomplete_code_decodes_to_the_last_symbol():
    assert lookup_table([2, 2, 2], 3) == [(0, 2), (0, 2), (1, 2), (1, 2), (2, 2), (2, 2), (2, 2), (2, 2)]


@pytest.mark.parametrize("lengths", [[1, 1, 1], [1, 2, 2, 15], [2] * 5, [-1, 1]])
def test_impossible_lengths_are_refused(lengths):
    for refused in (CanonicalDecoder, canonical_codes, check_lengths, is_complete):
        with pytest.raises(ValueError, match=r"over-subscribed|negative"):
            refused(lengths)
    with pytest.raises(ValueError, match=r"over-subscribed|negative"):
        lookup_table(lengths, 16)


def test_an_index_shorter_than_a_code_is_refused():
    with pytest.raises(ValueError, match="3 bits does not fit an index of 2"):
        lookup_table([1, 2, 3, 3], 2)


def test_the_end_of_the_stream_is_noticed_inside_a_code():
    lengths = [9] * 512
    with pytest.raises(EndOfBitsError):
        CanonicalDecoder(lengths).read(BitReader(b"\x00"))
