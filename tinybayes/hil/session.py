"""A client of the device side of the protocol (firmware/protocol.h): one method a command."""

import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from tinybayes.errors import DeviceError, InternalError, UserError
from tinybayes.hil.frames import Kind
from tinybayes.hil.link import Link

PROTOCOL_VERSION = 2
ABI_VERSION = 1
_HELLO = struct.Struct("<HH8I16s")
_LARGEST_READ_BYTES = 16_384
CYCLE_COUNTERS = ("none", "dwt", "systick", "nrf_timer")
"""What counts cycles on a device, by its number on the link (firmware/cycles.h)."""

Int8Array = npt.NDArray[np.int8]


@dataclass(frozen=True)
class DeviceIdentity:
    """What a device says of itself; lengths in int8 elements, which are bytes.

    ``cycle_counter`` is what it found to count cycles with: one of ``CYCLE_COUNTERS``.
    """

    board: str
    clock_hz: int
    network_name: str
    network_digest: bytes
    input_len: int
    output_len: int
    arena_bytes: int
    steps: int
    request_bytes: int
    reply_bytes: int
    cycle_counter: str


@dataclass(frozen=True)
class Inference:
    """Output, int8 (output_len,), and CRC-32 of every step's tensor, uint32 (steps,)."""

    output: Int8Array
    tensor_crcs: npt.NDArray[np.uint32]


@dataclass(frozen=True)
class StackUse:
    """Bytes reserved for the stack, and used at most since the device started."""

    size_bytes: int
    used_bytes: int


@dataclass(frozen=True)
class Profile:
    """Cycles of every step, uint32 (steps,), counted on the device by ``cycle_counter``."""

    cycle_counter: str
    cycles: npt.NDArray[np.uint32]


class Session:
    """An open conversation. ``identity`` is the device's answer to hello.

    Raises DeviceError on every failure: no answer, a fault, firmware of another version, or a network other than
    ``expected_digest`` (16 bytes; ``None`` takes any).
    """

    def __init__(self, link: Link, *, expected_digest: bytes | None = None) -> None:
        self.link = link
        self.identity = self._hello()
        if expected_digest is not None and self.identity.network_digest != expected_digest:
            raise DeviceError(
                f"{link.url}: hello: the device runs network {self.identity.network_name!r} with digest "
                f"{self.identity.network_digest.hex()}, wanted {expected_digest.hex()}; build this directory "
                "again and flash its image"
            )

    def __enter__(self) -> Self:
        """The session itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the link."""
        self.close()

    def close(self) -> None:
        """Closes the link; may be called twice."""
        self.link.close()

    def echo(self, payload: bytes) -> bytes:
        """The same bytes, through the device; at most ``identity.request_bytes``."""
        return self.link.exchange(Kind.ECHO, payload, "echo", reply_bytes=len(payload))

    def load_input(self, values: Int8Array) -> None:
        """Put an input, int8 (input_len,), into the device's memory, in as many pieces as it takes."""
        data = self._input_bytes(values)
        piece = self.identity.request_bytes - 4
        for offset in range(0, len(data), piece):
            payload = struct.pack("<I", offset) + data[offset : offset + piece]
            self.link.exchange(Kind.LOAD, payload, f"load input, byte {offset}")

    def run(self) -> None:
        """Run the whole network on the input loaded."""
        self.link.exchange(Kind.RUN, b"", "run")

    def read_output(self) -> Int8Array:
        """The output of the last run, int8 (output_len,)."""
        pieces = []
        for offset, length in self._pieces(self.identity.output_len):
            step = f"read output, byte {offset}"
            request = struct.pack("<IH", offset, length)
            pieces.append(self._exact(Kind.READ_OUTPUT, request, step, length))
        return np.frombuffer(b"".join(pieces), np.int8)

    def trace(self, last_step: int | None = None) -> npt.NDArray[np.uint32]:
        """Run steps 0 to ``last_step`` (all of them by default) on the input loaded.

        Returns the CRC-32 of the tensor of each, uint32 (last_step + 1,). The last one's tensor can then be read.
        """
        last = self.identity.steps - 1 if last_step is None else self._known_step(last_step)
        payload = self._exact(Kind.TRACE, struct.pack("<I", last), f"trace to step {last}", 4 * (last + 1))
        return np.frombuffer(payload, "<u4").astype(np.uint32)

    def infer(self, values: Int8Array) -> Inference:
        """Load, trace and read, in one frame where the device's memory allows it."""
        data = self._input_bytes(values)
        crc_bytes = 4 * self.identity.steps
        reply_bytes = crc_bytes + self.identity.output_len
        if len(data) > self.identity.request_bytes or reply_bytes > self.identity.reply_bytes:
            self.load_input(values)
            tensor_crcs = self.trace()
            return Inference(self.read_output(), tensor_crcs)
        payload = self._exact(Kind.INFER, data, "infer", reply_bytes)
        return Inference(
            np.frombuffer(payload, np.int8, offset=crc_bytes),
            np.frombuffer(payload, "<u4", self.identity.steps).astype(np.uint32),
        )

    def read_tensor(self, step: int) -> npt.NDArray[np.uint8]:
        """The bytes that step ``step`` left, uint8 (length,); valid right after ``trace(step)``."""
        length = self._tensor_length(self._known_step(step))
        pieces = []
        for offset, piece in self._pieces(length):
            request = struct.pack("<IIH", step, offset, piece)
            payload = self._exact(Kind.READ_TENSOR, request, f"read tensor of step {step}, byte {offset}", 4 + piece)
            pieces.append(payload[4:])
        return np.frombuffer(b"".join(pieces), np.uint8)

    def stack(self) -> StackUse:
        """How much of the stack has been used."""
        return StackUse(*struct.unpack("<II", self._exact(Kind.STACK, b"", "stack", 8)))

    def profile(self) -> Profile:
        """Run the network on the input loaded, and count the cycles of every step.

        Raises DeviceError where nothing on the device counts them.
        """
        payload = self._exact(Kind.PROFILE, b"", "profile", 4 + 4 * self.identity.steps)
        numbers = np.frombuffer(payload, "<u4").astype(np.uint32)
        return Profile(_counter_name(int(numbers[0])), numbers[1:])

    def _known_step(self, step: int) -> int:
        if not 0 <= step < self.identity.steps:
            raise InternalError(f"step {step} of a network that has {self.identity.steps}")
        return step

    def _tensor_length(self, step: int) -> int:
        request = struct.pack("<IIH", step, 0, 0)
        payload = self._exact(Kind.READ_TENSOR, request, f"read tensor of step {step}", 4)
        return int.from_bytes(payload, "little")

    def _hello(self) -> DeviceIdentity:
        payload = self.link.exchange(Kind.HELLO, b"", "hello", reply_bytes=256)
        version = struct.unpack("<HH", payload[:4]) if len(payload) >= 4 else (0, 0)
        if version != (PROTOCOL_VERSION, ABI_VERSION):
            raise DeviceError(
                f"{self.link.url}: hello: the firmware speaks protocol {version[0]} with network interface "
                f"{version[1]}, wanted {PROTOCOL_VERSION} and {ABI_VERSION}; build and flash it with this tinybayes"
            )
        texts = _counted_texts(payload[_HELLO.size :])
        if len(payload) < _HELLO.size or len(texts) != 2:
            raise DeviceError(f"{self.link.url}: hello: an answer of {len(payload)} bytes that cannot be read")
        (_, _, clock_hz, request, reply, input_len, output_len, arena, steps, counter, digest) = _HELLO.unpack_from(
            payload
        )
        board, network = texts
        return DeviceIdentity(
            board, clock_hz, network, digest, input_len, output_len, arena, steps, request, reply,
            _counter_name(counter),
        )  # fmt: skip

    def _input_bytes(self, values: Int8Array) -> bytes:
        if values.dtype != np.int8:
            raise InternalError(f"an input of {values.dtype}, wanted int8")
        if values.shape != (self.identity.input_len,):
            raise UserError(f"an input of shape {values.shape}, wanted ({self.identity.input_len},)")
        return values.tobytes()

    def _pieces(self, length: int) -> list[tuple[int, int]]:
        size = min(_LARGEST_READ_BYTES, self.identity.reply_bytes - 4)
        return [(offset, min(size, length - offset)) for offset in range(0, length, size)]

    def _exact(self, kind: Kind, request: bytes, step: str, reply_bytes: int) -> bytes:
        payload = self.link.exchange(kind, request, step, reply_bytes=reply_bytes)
        if len(payload) != reply_bytes:
            raise DeviceError(
                f"{self.link.url}: {step}: an answer of {len(payload)} bytes, wanted {reply_bytes}; "
                "build this directory again and flash its image"
            )
        return payload


def _counter_name(number: int) -> str:
    return CYCLE_COUNTERS[number] if number < len(CYCLE_COUNTERS) else f"counter {number}"


def _counted_texts(data: bytes) -> list[str]:
    """Texts that each have their length in front; one that is cut short is left out."""
    texts = []
    while data and len(data) > data[0]:
        texts.append(data[1 : 1 + data[0]].decode("ascii", "replace"))
        data = data[1 + data[0] :]
    return texts
