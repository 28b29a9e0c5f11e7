"""Tabled asymmetric numeral systems: what is encoded comes back, in about as many bits as the entropy says."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybayes.coding import EndOfBitsError, state_counts, tans_decode, tans_encode, tans_table

messages = st.lists(st.integers(0, 12), min_size=1, max_size=300)


def table_for(symbols, table_bits):
    frequencies = [symbols.count(symbol) for symbol in range(max(symbols) + 1)]
    return tans_table(state_counts(frequencies, table_bits), table_bits)


@settings(deadline=None)
@given(messages, st.integers(4, 9))
def test_what_is_encoded_comes_back(symbols, table_bits):
    table = table_for(symbols, table_bits)
    assert tans_decode(tans_encode(symbols, table), len(symbols), table) == symbols


@settings(deadline=None)
@given(messages, st.integers(4, 9))
def test_each_symbol_leads_to_every_state_once(symbols, table_bits):
    """What makes the code decodable: the ranges of a symbol's states tile all states."""
    table = table_for(symbols, table_bits)
    reached = Counter(
        (symbol, base + value)
        for symbol, bits, base in zip(table.symbols, table.bits, table.bases, strict=True)
        for value in range(1 << bits)
    )
    assert set(reached.values()) == {1}
    assert len(reached) == len(set(table.symbols)) << table_bits


@pytest.mark.parametrize("shares", [(0.9, 0.1), (0.5, 0.3, 0.15, 0.05), (0.97, 0.02, 0.01)])
def test_skewed_symbols_take_no_more_than_their_entropy(shares):
    length = 4000
    symbols = [symbol for symbol, share in enumerate(shares) for _ in range(round(share * length))]
    symbols = [symbols[i * 1201 % len(symbols)] for i in range(len(symbols))]  # 1201 is prime: a fixed shuffle
    entropy_bits = -sum(n * math.log2(n / len(symbols)) for n in Counter(symbols).values())
    coded = tans_encode(symbols, table_for(symbols, 10))
    assert 8 * len(coded) < 1.01 * entropy_bits + 18


def test_a_lone_symbol_takes_no_bits():
    table = table_for([3], 4)
    assert len(tans_encode([3] * 1000, table)) == 1
    assert tans_decode(tans_encode([3] * 1000, table), 1000, table) == [3] * 1000


def test_states_go_where_they_save_most():
    assert state_counts([8, 4, 2, 2], 4) == [8, 4, 2, 2]
    assert state_counts([1000, 1, 0], 3) == [7, 1, 0]


@pytest.mark.parametrize(("frequencies", "bits"), [([], 4), ([0, 0], 4), ([1] * 5, 2), ([3, -1], 4)])
def test_bad_frequencies_are_refused(frequencies, bits):
    with pytest.raises(ValueError, match=r"negative|do not fit"):
        state_counts(frequencies, bits)


def test_a_table_of_another_size_and_an_unknown_symbol_are_refused():
    with pytest.raises(ValueError, match="3 states in a table of 4"):
        tans_table([1, 2], 2)
    with pytest.raises(ValueError, match="symbol 2 has no state"):
        tans_encode([0, 2], tans_table([2, 2], 2))


def test_a_stream_that_is_cut_off_is_refused():
    table = tans_table([4, 12], 4)
    data = tans_encode([0] * 40, table)
    with pytest.raises(EndOfBitsError):
        tans_decode(data[:-2], 40, table)
