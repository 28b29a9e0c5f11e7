"""What requests and replies carry, byte for byte (docs/protocol.md); the twin of firmware/protocol.h.

Every ``unpack`` raises :class:`MalformedReplyError` where the bytes are none of its kind. Numbers are little-endian.
"""

import struct
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

PROTOCOL_VERSION = 3
ABI_VERSION = 1
NO_STEP = 0xFFFFFFFF
FEATURE_BOOT_LOADER = 1
SELF_TESTS = 2
"""Self-tests that ``compile`` puts into an image."""
LOAD_HEADER_BYTES = 4
PREDICT_HEADER_BYTES = 8
TENSOR_HEADER_BYTES = 4
CYCLE_COUNTERS = ("none", "dwt", "systick", "nrf_timer")
"""What counts cycles on a device, by its number on the link (firmware/cycles.h)."""

_HELLO = struct.Struct("<HH11I16s")
_WORDS = struct.Struct("<4I")
_LAST_FAULT_BYTES = 4 + 8 * 4
_MASK = 0xFFFFFFFF

Int8Array = npt.NDArray[np.int8]
Uint32Array = npt.NDArray[np.uint32]


class MalformedReplyError(ValueError):
    """A reply whose frame is right and whose payload is not what was asked for."""


class OldProtocolError(ValueError):
    """A device that speaks ``protocol`` with network interface ``abi``, which are not ours."""

    def __init__(self, protocol: int, abi: int) -> None:
        super().__init__(f"protocol {protocol} with network interface {abi}")
        self.protocol = protocol
        self.abi = abi


@dataclass(frozen=True)
class DeviceIdentity:
    """What a device says of itself; lengths in int8 elements, which are bytes.

    ``window_bytes`` of requests, encoded, may be on the way before the first of them is answered.
    ``cycle_counter`` is what it found to count cycles with: one of ``CYCLE_COUNTERS``. ``self_tests`` are the vectors
    that its image holds.
    """

    board: str
    core: str
    clock_hz: int
    network_name: str
    network_digest: bytes
    input_len: int
    output_len: int
    arena_bytes: int
    steps: int
    request_bytes: int
    reply_bytes: int
    window_bytes: int
    cycle_counter: str
    has_boot_loader: bool
    self_tests: int

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """From the reply to hello. Raises OldProtocolError, too."""
        version = struct.unpack("<HH", payload[:4]) if len(payload) >= 4 else (0, 0)
        if version != (PROTOCOL_VERSION, ABI_VERSION):
            raise OldProtocolError(*version)
        texts = _counted_texts(payload[_HELLO.size :])
        if len(payload) < _HELLO.size or len(texts) != 3:
            raise MalformedReplyError(f"an answer of {len(payload)} bytes that cannot be read")
        _, _, clock_hz, request, reply, window, *lengths, digest = _HELLO.unpack_from(payload)
        input_len, output_len, arena, steps, counter, features, tests = lengths
        board, network, core = texts
        return cls(
            board, core, clock_hz, network, digest, input_len, output_len, arena, steps, request, reply, window,
            _counter_name(counter), bool(features & FEATURE_BOOT_LOADER), tests,
        )  # fmt: skip


@dataclass(frozen=True)
class Inference:
    """Output, int8 (output_len,), and CRC-32 of every step's tensor, uint32 (steps,)."""

    output: Int8Array
    tensor_crcs: Uint32Array


@dataclass(frozen=True)
class StackUse:
    """Bytes reserved for the stack, and used at most since the device started."""

    size_bytes: int
    used_bytes: int


@dataclass(frozen=True)
class Profile:
    """Cycles of every step, uint32 (steps,), counted on the device by ``cycle_counter``."""

    cycle_counter: str
    cycles: Uint32Array


@dataclass(frozen=True)
class SelfTest:
    """What came of one self-test: ``wrong_step`` is the first whose tensor has another CRC-32 than it must, or None."""

    vector: int
    wrong_step: int | None
    wanted_crc: int
    got_crc: int

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """From the reply."""
        if len(payload) != _WORDS.size:
            raise MalformedReplyError(f"an answer of {len(payload)} bytes, wanted {_WORDS.size}")
        vector, step, wanted, got = _WORDS.unpack(payload)
        return cls(vector, None if step == NO_STEP else step, wanted, got)


@dataclass(frozen=True)
class LastFault:
    """The fault that ended the program before the last reset: the status that it had, and its record (fault.h)."""

    status: int
    record: bytes

    @classmethod
    def unpack(cls, payload: bytes) -> Self | None:
        """From the reply; ``None`` where there was no fault."""
        if len(payload) != _LAST_FAULT_BYTES:
            raise MalformedReplyError(f"an answer of {len(payload)} bytes, wanted {_LAST_FAULT_BYTES}")
        status = int.from_bytes(payload[:4], "little")
        return cls(status, payload[4:]) if status else None


def profile_of(words: Uint32Array) -> Profile:
    """From the words of the reply behind the CRC of the input."""
    return Profile(_counter_name(int(words[0])), words[1:])


def pack_words(*words: int) -> bytes:
    """32-bit numbers in a row."""
    return struct.pack(f"<{len(words)}I", *words)


def pack_range(offset: int, length: int) -> bytes:
    """A part of something: a 32-bit offset and a 16-bit length."""
    return struct.pack("<IH", offset, length)


def golden_input(vector: int, input_len: int) -> Int8Array:
    """The input of self-test ``vector``, int8 (input_len,): xorshift32 of seed ``vector`` + 1, low byte first.

    Source: G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (14), 2003, the triple 13, 17, 5.
    """
    state, words = vector + 1, []
    for _ in range(-(-input_len // 4)):
        state ^= state << 13 & _MASK
        state ^= state >> 17
        state ^= state << 5 & _MASK
        words.append(state)
    return np.array(words, "<u4").view(np.int8)[:input_len]


def _counter_name(number: int) -> str:
    return CYCLE_COUNTERS[number] if number < len(CYCLE_COUNTERS) else f"counter {number}"


def _counted_texts(data: bytes) -> list[str]:
    """Texts that each have their length in front; one that is cut short is left out."""
    texts = []
    while data and len(data) > data[0]:
        texts.append(data[1 : 1 + data[0]].decode("ascii", "replace"))
        data = data[1 + data[0] :]
    return texts
