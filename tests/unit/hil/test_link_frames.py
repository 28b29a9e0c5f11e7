"""Exact bytes on the line, and what is no frame."""

import re
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinybayes.hil.frames import (
    LARGEST_FRAME_BYTES,
    Frame,
    Kind,
    Status,
    decode_frame,
    encode_frame,
    largest_encoded_bytes,
)

frames = st.builds(
    Frame,
    kind=st.integers(0, 255),
    sequence=st.integers(0, 0xFFFF),
    payload=st.binary(max_size=600),
    status=st.integers(0, 255),
)


def test_the_bytes_of_an_echo_request():
    body = bytes([2, 0, 0x34, 0x12, 3, 0, 7, 0, 9])
    crc = zlib.crc32(body).to_bytes(4, "little")
    assert 0 not in crc
    expected = b"\0" + b"\x02\x02" + b"\x04\x34\x12\x03" + b"\x02\x07" + b"\x06\x09" + crc + b"\0"
    assert encode_frame(Frame(2, 0x1234, bytes([7, 0, 9]))) == expected


@given(frames)
def test_what_is_sent_is_received(frame):
    encoded = encode_frame(frame)
    assert encoded[0] == encoded[-1] == 0 and 0 not in encoded[1:-1]
    assert decode_frame(encoded[1:-1]) == frame


@given(st.binary(max_size=100))
def test_noise_is_no_frame(noise):
    assert decode_frame(noise.replace(b"\0", b"\1")) is None


@given(frames, st.data())
def test_a_frame_with_one_flipped_bit_is_no_frame(frame, data):
    encoded = bytearray(encode_frame(frame)[1:-1])
    bit = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    assert decode_frame(bytes(encoded)) is None


@pytest.mark.parametrize("fill", [b"\0", b"\1", b"\xff"])
def test_the_longest_frame_has_the_length_stated(fill):
    encoded = encode_frame(Frame(2, 1, fill * 0xFFFF))
    assert len(encoded) <= LARGEST_FRAME_BYTES + 2
    assert decode_frame(encoded[1:-1]) == Frame(2, 1, fill * 0xFFFF)


def test_the_frame_that_the_document_shows():
    text = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()
    assert f"`{encode_frame(Frame(Kind.HELLO, 7)).hex(' ')}`" in text


def test_the_document_lists_every_request_and_status():
    text = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()
    requests, statuses = text.split("## Requests")[1].split("## Status")
    asked = {int(row) for row in re.findall(r"^\| (\d+) \| [a-z]", requests, re.M)}
    assert asked == {kind for kind in Kind if kind < Kind.INJECT_FAULT}
    assert {int(row) for row in re.findall(r"^\| (\d+) \| [a-z]", statuses, re.M)} == set(Status)


@pytest.mark.parametrize("length", [0, 1, 240, 243, 244, 245, 498, 499, 1024, 65535])
def test_a_frame_is_never_longer_than_its_bound(length):
    bound = largest_encoded_bytes(length)
    assert max(len(encode_frame(Frame(1, 0x0101, fill * length))) for fill in (b"\0", b"\1")) <= bound
