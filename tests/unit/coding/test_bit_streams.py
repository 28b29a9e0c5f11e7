import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybayes.coding import BitReader, BitWriter, EndOfBitsError

fields = st.lists(st.integers(0, 40).flatmap(lambda bits: st.tuples(st.integers(0, (1 << bits) - 1), st.just(bits))))


def test_the_first_bit_is_the_top_bit_of_the_first_byte():
    writer = BitWriter()
    writer.write(1, 1)
    writer.write(0b0110, 4)
    writer.write(0x1FF, 9)
    assert writer.bit_length == 14
    assert writer.getvalue() == bytes([0b1_0110_111, 0b111111_00])


def test_reading_the_bytes_does_not_end_the_stream():
    writer = BitWriter()
    writer.write(0b101, 3)
    assert writer.getvalue() == bytes([0b10100000])
    writer.write(0b11111, 5)
    assert writer.getvalue() == bytes([0b10111111])


@settings(deadline=None)
@given(fields)
def test_fields_come_back(values):
    writer = BitWriter()
    for value, bits in values:
        writer.write(value, bits)
    reader = BitReader(writer.getvalue())
    assert [reader.read(bits) for _, bits in values] == [value for value, _ in values]
    assert reader.position == writer.bit_length == sum(bits for _, bits in values)
    assert reader.bits_left < 8


@settings(deadline=None)
@given(st.binary(max_size=20), st.integers(0, 200), st.integers(0, 200))
def test_peek_is_the_stream_followed_by_zeros(data, skipped, bits):
    reader = BitReader(data)
    skipped = min(skipped, 8 * len(data))
    reader.skip(skipped)
    stream = "".join(f"{byte:08b}" for byte in data)[skipped:].ljust(bits, "0")
    assert reader.peek(bits) == int(stream[:bits] or "0", 2)
    assert reader.position == skipped


def test_reading_past_the_end_says_where_and_consumes_nothing():
    reader = BitReader(b"\xff\xff")
    reader.read(10)
    with pytest.raises(EndOfBitsError, match=r"bit 10: 7 bits wanted, 6 left"):
        reader.read(7)
    assert reader.read(6) == 63
    with pytest.raises(ValueError, match="0 left"):
        reader.read(1 << 40)


@pytest.mark.parametrize(("value", "bits"), [(2, 1), (-1, 8), (1, 0), (0, -1)])
def test_a_value_that_does_not_fit_is_refused(value, bits):
    with pytest.raises(ValueError, match=f"{value} does not fit {bits} bits"):
        BitWriter().write(value, bits)
