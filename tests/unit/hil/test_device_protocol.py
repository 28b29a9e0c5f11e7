"""The firmware's parser and commands on the host, under AddressSanitizer and UBSan, fed with anything."""

import random
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.emulated.toy_network.toy_reference import toy_tensors
from tinybayes.hil.frames import NO_SEQUENCE, Frame, Kind, Status, decode_frame, encode_frame

REQUEST_BYTES = 400
ZEROS = struct.pack("<I", zlib.crc32(bytes(300)))
OTHER = struct.pack("<I", zlib.crc32(bytes(300)) ^ 1)
BROKEN = Frame(Kind.REPLY_BROKEN, NO_SEQUENCE, b"", Status.BROKEN_FRAME)
many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def replies(answer: bytes) -> list[Frame | None]:
    return [decode_frame(piece) for piece in answer.split(b"\0") if piece]


@many
@given(st.binary(max_size=REQUEST_BYTES), st.integers(0, 0xFFFF))
def test_echo_returns_any_bytes(converse, payload, sequence):
    answer = replies(converse(encode_frame(Frame(Kind.ECHO, sequence, payload))))
    assert answer == [Frame(Kind.ECHO | Kind.REPLY, sequence, payload)]


@pytest.mark.parametrize("length", [0, 1, 243, 244, 245, 246, 247, 248, 249, 253, 254, 255, 399, 400])
@pytest.mark.parametrize("fill", [b"\0", b"\1", b"\xff"])
def test_cobs_block_edges(converse, length, fill):
    frame = Frame(Kind.ECHO, 0x0101, fill * length)
    assert replies(converse(encode_frame(frame))) == [Frame(Kind.ECHO | Kind.REPLY, 0x0101, fill * length)]


@many
@given(st.binary(max_size=2000))
def test_noise_is_refused_and_the_next_request_answered(converse, noise):
    answer = replies(converse(noise + encode_frame(Frame(Kind.ECHO, 5, b"still here"))))
    pieces = [piece for piece in noise.split(b"\0") if piece]
    assert answer == [BROKEN] * len(pieces) + [Frame(Kind.ECHO | Kind.REPLY, 5, b"still here")]


@many
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 0xFFFF), st.binary(max_size=REQUEST_BYTES))
def test_any_right_frame_gets_exactly_one_right_answer(converse, kind, status, sequence, payload):
    (answer,) = replies(converse(encode_frame(Frame(kind, sequence, payload, status))))
    assert answer is not None
    assert (answer.kind, answer.sequence) == (kind | 0x80, sequence)
    assert Status(answer.status) in Status


@many
@given(st.lists(st.tuples(st.integers(1, 13), st.lists(st.integers(0, 2**32 - 1), max_size=3)), max_size=12))
def test_commands_with_wild_numbers(converse, commands):
    sent = b"".join(
        encode_frame(Frame(kind, index, struct.pack(f"<{len(words)}I", *words)))
        for index, (kind, words) in enumerate(commands)
    )
    answer = replies(converse(sent))
    assert [frame and frame.sequence for frame in answer] == list(range(len(commands)))


def test_flipped_truncated_and_oversize_frames(converse):
    dice = random.Random(1)
    good = encode_frame(Frame(Kind.LOAD, 3, struct.pack("<I", 0) + bytes(range(200))))
    for _ in range(20):
        flipped = bytearray(good[1:-1])
        flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
        assert set(replies(converse(bytes(flipped) + b"\0"))) == {BROKEN}
    assert replies(converse(good[:-30] + b"\0")) == [BROKEN]
    assert replies(converse(good[:-1])) == []
    assert replies(converse(encode_frame(Frame(Kind.ECHO, 3, bytes(REQUEST_BYTES + 1))))) == [BROKEN]
    assert replies(converse(b"\x05" * 100_000 + b"\0")) == [BROKEN]


def test_a_repeated_request_is_answered_again(converse):
    load = encode_frame(Frame(Kind.LOAD, 3, struct.pack("<I", 0) + bytes(300)))
    trace = encode_frame(Frame(Kind.TRACE, 4, struct.pack("<II", 2, zlib.crc32(bytes(300)))))
    first, second, third, fourth = replies(converse(load + load + trace + trace))
    assert first == second == Frame(Kind.LOAD | Kind.REPLY, 3)
    assert third == fourth and third is not None and len(third.payload) == 16


@pytest.mark.parametrize(
    ("kind", "payload", "status"),
    [
        (Kind.HELLO, b"x", Status.WRONG_LENGTH),
        (Kind.LOAD, b"123", Status.WRONG_LENGTH),
        (Kind.LOAD, struct.pack("<I", 299) + b"12", Status.OUT_OF_RANGE),
        (Kind.LOAD, struct.pack("<I", 0xFFFFFFFF) + b"12", Status.OUT_OF_RANGE),
        (Kind.RUN, b"x", Status.WRONG_LENGTH),
        (Kind.READ_OUTPUT, struct.pack("<IH", 0, 8), Status.OUT_OF_RANGE),
        (Kind.READ_OUTPUT, struct.pack("<IH", 0xFFFFFFFF, 1), Status.OUT_OF_RANGE),
        (Kind.READ_OUTPUT, struct.pack("<IH", 0, 7), Status.DONE),
        (Kind.RUN, ZEROS, Status.DONE),
        (Kind.RUN, OTHER, Status.OTHER_INPUT),
        (Kind.TRACE, struct.pack("<I", 2), Status.WRONG_LENGTH),
        (Kind.TRACE, struct.pack("<I", 3) + ZEROS, Status.OUT_OF_RANGE),
        (Kind.TRACE, struct.pack("<I", 0xFFFFFFFF) + ZEROS, Status.OUT_OF_RANGE),
        (Kind.TRACE, struct.pack("<I", 2) + OTHER, Status.OTHER_INPUT),
        (Kind.PREDICT, b"1234567", Status.WRONG_LENGTH),
        (Kind.PREDICT, struct.pack("<I", 0) + ZEROS + bytes(300), Status.DONE),
        (Kind.PREDICT, struct.pack("<I", 0) + ZEROS + bytes(299), Status.OUT_OF_RANGE),
        (Kind.PREDICT, struct.pack("<I", 300) + ZEROS, Status.DONE),
        (Kind.PREDICT, struct.pack("<I", 301) + ZEROS, Status.OUT_OF_RANGE),
        (Kind.PREDICT, struct.pack("<I", 299) + ZEROS + b"1", Status.OTHER_INPUT),
        (Kind.SELF_TEST, struct.pack("<I", 0), Status.DONE),
        (Kind.SELF_TEST, struct.pack("<I", 2), Status.OUT_OF_RANGE),
        (Kind.LAST_FAULT, b"", Status.DONE),
        (Kind.RESET, b"x", Status.WRONG_LENGTH),
        (Kind.BOOT_LOADER, b"", Status.NO_BOOT_LOADER),
        (Kind.INFER, bytes(299), Status.WRONG_LENGTH),
        (Kind.INFER, bytes(301), Status.WRONG_LENGTH),
        (Kind.READ_TENSOR, struct.pack("<IIH", 0, 0, 1), Status.NOT_TRACED),
        (Kind.READ_TENSOR, struct.pack("<IIH", 3, 0, 1), Status.OUT_OF_RANGE),
        (Kind.READ_TENSOR, struct.pack("<IIH", 0, 300, 1), Status.OUT_OF_RANGE),
        (Kind.PROFILE, b"x", Status.WRONG_LENGTH),
        (Kind.PROFILE, ZEROS, Status.DONE),
        (Kind.PROFILE, OTHER, Status.OTHER_INPUT),
        (Kind.INJECT_FAULT, b"\0", Status.UNKNOWN_REQUEST),
        (0, b"", Status.UNKNOWN_REQUEST),
    ],
)
def test_what_a_wrong_request_is_told(converse, kind, payload, status):
    (answer,) = replies(converse(encode_frame(Frame(kind, 9, payload))))
    assert answer is not None and answer.status == status


def test_a_tensor_is_there_only_right_after_a_trace_up_to_its_step(converse):
    read = encode_frame(Frame(Kind.READ_TENSOR, 2, struct.pack("<IIH", 1, 0, 5)))
    trace = encode_frame(Frame(Kind.TRACE, 1, struct.pack("<I", 1) + ZEROS))
    run = encode_frame(Frame(Kind.RUN, 1, ZEROS))
    statuses = [frame and frame.status for frame in replies(converse(trace + read + run + read))]
    assert statuses == [Status.DONE, Status.DONE, Status.DONE, Status.NOT_TRACED]


@many
@given(st.binary(min_size=300, max_size=300))
def test_infer_gives_output_and_checksums(converse, data):
    tensors = toy_tensors(np.frombuffer(data, np.int8))
    (answer,) = replies(converse(encode_frame(Frame(Kind.INFER, 1, data))))
    crcs = b"".join(struct.pack("<I", zlib.crc32(part)) for part in (data, *(tensor.tobytes() for tensor in tensors)))
    assert answer == Frame(Kind.INFER | Kind.REPLY, 1, crcs + tensors[-1].tobytes())
