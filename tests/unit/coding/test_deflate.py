import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybayes.coding import deflate


def inflate(packed):
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    data = inflater.decompress(packed)
    assert inflater.eof
    assert not inflater.unused_data
    return data


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=600), st.text("ab", max_size=2000).map(str.encode)))
def test_zlib_inflates_it(data):
    assert inflate(deflate(data)) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"x" * 100_000,
        b"abc" + bytes(range(256)) * 130 + b"abc",  # a match from further away than the window
        bytes(i * i % 251 for i in range(70_000)),
    ],
)
def test_corner_cases(data):
    assert inflate(deflate(data)) == data


def test_it_comes_close_to_zlib():
    text = " ".join(f'{{"name":"layer{i}","scale":{1 / (i + 3)}}}' for i in range(40)).encode()
    assert len(deflate(text)) <= 1.05 * len(zlib.compress(text, 9, wbits=-zlib.MAX_WBITS))


def test_the_bytes_are_pinned():
    assert (
        deflate(b"tinybayes tinybayes tiny bytes").hex() == "55c6a11100000802c0555c4dee08160b14b637dbdeb34187aaaf424c1d"
    )
