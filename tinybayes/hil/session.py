"""A client of the device side of the protocol (firmware/protocol.h): one method a command."""

import zlib
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt

from tinybayes.errors import DeviceError, InternalError, UserError
from tinybayes.hil.frames import Kind, Status
from tinybayes.hil.link import Link
from tinybayes.hil.messages import (
    ABI_VERSION,
    LOAD_HEADER_BYTES,
    PREDICT_HEADER_BYTES,
    PROTOCOL_VERSION,
    TENSOR_HEADER_BYTES,
    DeviceIdentity,
    Inference,
    Int8Array,
    LastFault,
    MalformedReplyError,
    OldProtocolError,
    Profile,
    SelfTest,
    StackUse,
    Uint32Array,
    pack_range,
    pack_words,
    profile_of,
)
from tinybayes.hil.window import Job, run_jobs

_LARGEST_READ_BYTES = 16_384
_RELOADS = 5
_T = TypeVar("_T")


class Session:
    """An open conversation. ``identity`` is the device's answer to hello.

    Raises DeviceError on every failure: no answer, a fault, firmware of another version, or a network other than
    ``expected_digest`` (16 bytes; ``None`` takes any).
    """

    def __init__(self, link: Link, *, expected_digest: bytes | None = None) -> None:
        self.link = link
        self.identity = self._hello()
        self._loaded: bytes | None = bytes(self.identity.input_len)  # what a device that has just started holds
        self._output_crc: int | None = None
        self._tensor_crc: int | None = None
        if expected_digest is not None and self.identity.network_digest != expected_digest:
            raise DeviceError(
                f"{link.url}: hello: the device runs network {self.identity.network_name!r} with digest "
                f"{self.identity.network_digest.hex()}, wanted {expected_digest.hex()}; flash the "
                "directory's image (tinybayes flash DIR)"
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
        self._load(self._input_bytes(values))

    def run(self) -> None:
        """Run the whole network on the input loaded."""
        payload = self._on_input(Kind.RUN, b"", "run", 4)
        self._output_crc = int.from_bytes(payload, "little")

    def read_output(self) -> Int8Array:
        """The output of the last run, trace or profile, int8 (output_len,).

        Raises DeviceError where it is not what the last run or whole trace left, because the device was reset.
        """
        pieces = []
        for offset, length in self._pieces(self.identity.output_len):
            step = f"read output, byte {offset}"
            pieces.append(self._exact(Kind.READ_OUTPUT, pack_range(offset, length), step, length))
        return np.frombuffer(self._checked(b"".join(pieces), self._output_crc, "read output"), np.int8)

    def trace(self, last_step: int | None = None) -> Uint32Array:
        """Run steps 0 to ``last_step`` (all of them by default) on the input loaded.

        Returns the CRC-32 of the tensor of each, uint32 (last_step + 1,). The last one's tensor can then be read.
        """
        last = self.identity.steps - 1 if last_step is None else self._known_step(last_step)
        payload = self._on_input(Kind.TRACE, pack_words(last), f"trace to step {last}", 4 * (last + 1))
        crcs = np.frombuffer(payload, "<u4").astype(np.uint32)
        self._tensor_crc = int(crcs[-1])
        self._output_crc = int(crcs[-1]) if last == self.identity.steps - 1 else None
        return crcs

    def infer(self, values: Int8Array) -> Inference:
        """Load, trace and read, in one frame where the device's memory allows it."""
        data = self._input_bytes(values)
        crc_bytes = 4 * self.identity.steps
        reply_bytes = 4 + crc_bytes + self.identity.output_len
        if len(data) > self.identity.request_bytes or reply_bytes > self.identity.reply_bytes:
            self.load_input(values)
            tensor_crcs = self.trace()
            return Inference(self.read_output(), tensor_crcs)
        payload = self._exact(Kind.INFER, data, "infer", reply_bytes)
        self._loaded, self._output_crc = data, None
        self._of_input(payload, "infer")
        return Inference(
            np.frombuffer(payload, np.int8, offset=4 + crc_bytes),
            np.frombuffer(payload, "<u4", self.identity.steps, offset=4).astype(np.uint32),
        )

    def run_many(self, inputs: Int8Array, progress: Callable[[int], None] | None = None) -> Int8Array:
        """Outputs, int8 (n, output_len), of inputs, int8 (n, input_len).

        The next inputs are on the line while the device works: as many as its memory has room for.
        """
        if inputs.ndim != 2:
            raise UserError(f"inputs of shape {inputs.shape}, wanted (n, {self.identity.input_len})")
        outputs = np.empty((len(inputs), self.identity.output_len), np.int8)
        codes = [self._input_bytes(values) for values in inputs]
        crcs = [zlib.crc32(code) for code in codes]
        done = 0

        def take(index: int, payload: bytes) -> bool:
            nonlocal done
            if len(payload) != 4 + self.identity.output_len or int.from_bytes(payload[:4], "little") != crcs[index]:
                return False
            outputs[index] = np.frombuffer(payload, np.int8, offset=4)
            done += 1
            if progress is not None:
                progress(done)
            return True

        def job(index: int) -> Job:
            return self._prediction(codes[index], crcs[index])

        run_jobs(self.link, len(codes), job, take, window_bytes=self.identity.window_bytes, what="run many")
        self._loaded, self._output_crc = None, None
        return outputs

    def read_tensor(self, step: int) -> npt.NDArray[np.uint8]:
        """The bytes that step ``step`` left, uint8 (length,); valid right after ``trace(step)``."""
        length = self._tensor_length(self._known_step(step))
        pieces = []
        for offset, piece in self._pieces(length):
            request = pack_words(step) + pack_range(offset, piece)
            what = f"read tensor of step {step}, byte {offset}"
            pieces.append(self._exact(Kind.READ_TENSOR, request, what, TENSOR_HEADER_BYTES + piece)[4:])
        data = self._checked(b"".join(pieces), self._tensor_crc, f"read tensor of step {step}")
        return np.frombuffer(data, np.uint8)

    def stack(self) -> StackUse:
        """How much of the stack has been used."""
        payload = self._exact(Kind.STACK, b"", "stack", 8)
        return StackUse(*(int(word) for word in np.frombuffer(payload, "<u4")))

    def profile(self) -> Profile:
        """Run the network on the input loaded, and count the cycles of every step.

        Raises DeviceError where nothing on the device counts them.
        """
        payload = self._on_input(Kind.PROFILE, b"", "profile", 4 + 4 * self.identity.steps)
        self._output_crc = None
        return profile_of(np.frombuffer(payload, "<u4").astype(np.uint32))

    def self_test(self) -> tuple[SelfTest, ...]:
        """Let the device run every test that its image holds; it has the results built in."""
        results = []
        self._loaded, self._output_crc = None, None
        for vector in range(self.identity.self_tests):
            payload = self.link.exchange(Kind.SELF_TEST, pack_words(vector), f"self-test {vector}", reply_bytes=16)
            results.append(self._parsed(SelfTest.unpack, payload, f"self-test {vector}"))
        return tuple(results)

    def last_fault(self) -> LastFault | None:
        """The fault that ended the program before the last reset, if its record survived that."""
        payload = self.link.exchange(Kind.LAST_FAULT, b"", "last fault", reply_bytes=36)
        return self._parsed(LastFault.unpack, payload, "last fault")

    def reset(self) -> None:
        """Start the device anew, and greet it again."""
        self.link.exchange(Kind.RESET, b"", "reset")
        self.identity = self._hello()
        self._loaded, self._output_crc = bytes(self.identity.input_len), None

    def enter_boot_loader(self) -> None:
        """Hand over to the chip's boot loader; the session is of no use after that.

        Raises DeviceError where the chip has none that the firmware can enter.
        """
        self.link.exchange(Kind.BOOT_LOADER, b"", "enter boot loader")

    def _load(self, data: bytes) -> None:
        piece = self.identity.request_bytes - LOAD_HEADER_BYTES
        for offset in range(0, len(data), piece):
            payload = pack_words(offset) + data[offset : offset + piece]
            self.link.exchange(Kind.LOAD, payload, f"load input, byte {offset}")
        self._loaded = data

    def _prediction(self, data: bytes, crc: int) -> Job:
        """The requests that load an input and run it: pieces, the last of them with the order to run."""
        last = (len(data) - 1) // (self.identity.request_bytes - PREDICT_HEADER_BYTES)
        piece = self.identity.request_bytes - PREDICT_HEADER_BYTES
        loads = [(Kind.LOAD, pack_words(k * piece) + data[k * piece : (k + 1) * piece]) for k in range(last)]
        return Job(
            (*loads, (Kind.PREDICT, pack_words(last * piece, crc) + data[last * piece :])), 4 + self.identity.output_len
        )

    def _on_input(self, kind: Kind, request: bytes, step: str, reply_bytes: int) -> bytes:
        """What a command that runs the network answers behind the CRC of the input loaded.

        A device that holds another input, because it was reset, is given it again.
        """
        if self._loaded is None:
            raise UserError(f"{step}: load an input first; what was there has been replaced")
        crc = pack_words(zlib.crc32(self._loaded))
        for _ in range(_RELOADS):
            reply = self.link.request(kind, request + crc, step, reply_bytes=4 + reply_bytes)
            if reply.status != Status.OTHER_INPUT:
                payload = self._sized(self.link.payload_of(reply, step), 4 + reply_bytes, step)
                self._of_input(payload, step)
                return payload[4:]
            self._load(self._loaded)
        raise DeviceError(f"{self.link.url}: {step}: the device loses its input, {_RELOADS} times; it may be resetting")

    def _of_input(self, payload: bytes, step: str) -> None:
        if self._loaded is None or int.from_bytes(payload[:4], "little") != zlib.crc32(self._loaded):
            raise DeviceError(f"{self.link.url}: {step}: an answer for another input; try again")

    def _checked(self, data: bytes, crc: int | None, step: str) -> bytes:
        if crc is not None and zlib.crc32(data) != crc:
            raise DeviceError(
                f"{self.link.url}: {step}: not what the device said it would be; it was reset in between, try again"
            )
        return data

    def _parsed(self, unpack: Callable[[bytes], _T], payload: bytes, step: str) -> _T:
        try:
            return unpack(payload)
        except MalformedReplyError as error:
            raise DeviceError(f"{self.link.url}: {step}: {error}") from error

    def _known_step(self, step: int) -> int:
        if not 0 <= step < self.identity.steps:
            raise InternalError(f"step {step} of a network that has {self.identity.steps}")
        return step

    def _tensor_length(self, step: int) -> int:
        request = pack_words(step) + pack_range(0, 0)
        payload = self._exact(Kind.READ_TENSOR, request, f"read tensor of step {step}", TENSOR_HEADER_BYTES)
        return int.from_bytes(payload, "little")

    def _hello(self) -> DeviceIdentity:
        payload = self.link.exchange(Kind.HELLO, b"", "hello", reply_bytes=256)
        try:
            return self._parsed(DeviceIdentity.unpack, payload, "hello")
        except OldProtocolError as old:
            raise DeviceError(
                f"{self.link.url}: hello: the firmware speaks protocol {old.protocol} with network interface "
                f"{old.abi}, wanted {PROTOCOL_VERSION} and {ABI_VERSION}; build and flash it with this tinybayes"
            ) from old

    def _input_bytes(self, values: Int8Array) -> bytes:
        if values.dtype != np.int8:
            raise InternalError(f"an input of {values.dtype}, wanted int8")
        if values.shape != (self.identity.input_len,):
            raise UserError(f"an input of shape {values.shape}, wanted ({self.identity.input_len},)")
        return values.tobytes()

    def _pieces(self, length: int) -> list[tuple[int, int]]:
        size = min(_LARGEST_READ_BYTES, self.identity.reply_bytes - TENSOR_HEADER_BYTES)
        return [(offset, min(size, length - offset)) for offset in range(0, length, size)]

    def _exact(self, kind: Kind, request: bytes, step: str, reply_bytes: int) -> bytes:
        return self._sized(self.link.exchange(kind, request, step, reply_bytes=reply_bytes), reply_bytes, step)

    def _sized(self, payload: bytes, wanted_bytes: int, step: str) -> bytes:
        if len(payload) != wanted_bytes:
            raise DeviceError(
                f"{self.link.url}: {step}: an answer of {len(payload)} bytes, wanted {wanted_bytes}; "
                "build this directory again and flash its image"
            )
        return payload
