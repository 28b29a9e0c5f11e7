"""Frames on a serial line: COBS between zero bytes, a length and a CRC-32 inside; the twin of firmware/frame.h."""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

from cobs import cobs

from tinybayes.errors import InternalError

DELIMITER = b"\0"
HEADER = struct.Struct("<BBHH")
CRC = struct.Struct("<I")
LARGEST_PAYLOAD_BYTES = 0xFFFF
LARGEST_FRAME_BYTES = (HEADER.size + LARGEST_PAYLOAD_BYTES + CRC.size) * 255 // 254 + 2
NO_SEQUENCE = 0xFFFF


class Kind(IntEnum):
    """What a frame is; firmware/protocol.h says what each carries. A reply is its request's kind plus ``REPLY``."""

    HELLO = 1
    ECHO = 2
    LOAD = 3
    RUN = 4
    READ_OUTPUT = 5
    TRACE = 6
    INFER = 7
    READ_TENSOR = 8
    STACK = 9
    PROFILE = 10
    PREDICT = 11
    SELF_TEST = 12
    LAST_FAULT = 13
    RESET = 14
    BOOT_LOADER = 15
    INJECT_FAULT = 0x70
    REPLY = 0x80
    REPLY_BROKEN = 0xFE
    REPLY_FAULT = 0xFF


class Status(IntEnum):
    """What came of a request."""

    DONE = 0
    UNKNOWN_REQUEST = 1
    WRONG_LENGTH = 2
    OUT_OF_RANGE = 3
    NOT_TRACED = 4
    BROKEN_FRAME = 5
    STACK_OVERFLOW = 6
    FAULT = 7
    NO_COUNTER = 8
    SETUP_FAILED = 9
    OTHER_INPUT = 10
    NO_BOOT_LOADER = 11


@dataclass(frozen=True)
class Frame:
    """One frame; ``kind`` and ``status`` are 8 bits, ``sequence`` 16, the payload at most 65,535 bytes."""

    kind: int
    sequence: int
    payload: bytes = b""
    status: int = 0


def encode_frame(frame: Frame) -> bytes:
    """The bytes for the line, with a delimiter on either side: the first ends whatever noise came before."""
    if len(frame.payload) > LARGEST_PAYLOAD_BYTES:
        raise InternalError(f"a frame with {len(frame.payload)} bytes of payload")
    body = HEADER.pack(frame.kind, frame.status, frame.sequence, len(frame.payload)) + frame.payload
    encoded: bytes = cobs.encode(body + CRC.pack(zlib.crc32(body)))
    return DELIMITER + encoded + DELIMITER


def largest_encoded_bytes(payload_bytes: int) -> int:
    """At most so many bytes a frame is on the line: COBS adds one, and one more for every 254; then two delimiters."""
    framed = HEADER.size + payload_bytes + CRC.size
    return framed + framed // 254 + 1 + 2


def decode_frame(encoded: bytes) -> Frame | None:
    """The frame in the bytes between two delimiters, or ``None`` where there is no right frame in them."""
    try:
        decoded: bytes = cobs.decode(encoded)
    except cobs.DecodeError:
        return None
    if len(decoded) < HEADER.size + CRC.size:
        return None
    body, checksum = decoded[: -CRC.size], decoded[-CRC.size :]
    kind, status, sequence, length = HEADER.unpack_from(body)
    payload = body[HEADER.size :]
    if length != len(payload) or CRC.unpack(checksum)[0] != zlib.crc32(body):
        return None
    return Frame(kind, sequence, payload, status)
