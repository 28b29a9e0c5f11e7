"""A line to a device that loses and damages bytes, made into requests that are answered or fail clearly."""

import os
import time
from types import TracebackType
from typing import Self

import serial

from tinybayes.errors import DeviceError
from tinybayes.hil.fault import describe_failed_setup, describe_fault
from tinybayes.hil.frames import (
    DELIMITER,
    LARGEST_FRAME_BYTES,
    NO_SEQUENCE,
    Frame,
    Kind,
    Status,
    decode_frame,
    encode_frame,
)
from tinybayes.hil.ports import open_port

_SLOWEST_BYTES_PER_SECOND = 4000  # of what a request and its answer may take longer, below 57,600 baud
_POLL_SECONDS = 0.05  # how late a deadline may be noticed
GRACE_SECONDS = 0.1
"""How long what is on its way already is waited for, once something is known to be lost."""
DAMAGED = Frame(Kind.REPLY_BROKEN, NO_SEQUENCE)
_STATUS_TEXT = {
    Status.UNKNOWN_REQUEST: "the firmware does not know this request; it is older than this tinybayes, flash it again",
    Status.WRONG_LENGTH: "the request has a length that the firmware does not expect; flash the image again",
    Status.OUT_OF_RANGE: "an offset, length or step does not exist on the device; flash the image again",
    Status.NOT_TRACED: "the tensor is not in memory any more; run a trace up to its step first",
    Status.STACK_OVERFLOW: "the stack on the device has overflowed; raise stack_bytes in the board's file",
    Status.OTHER_INPUT: "the device holds another input than the one to run on; it may have been reset, try again",
    Status.NO_BOOT_LOADER: "this board has no boot loader that firmware can enter; `tinybayes flash` knows what it has",
    Status.NO_COUNTER: "nothing on the device counts cycles; cycle_counters of its chip's file names none that works",
}


def allowance_seconds(line_bytes: int) -> float:
    """What so many bytes may take on a slow line."""
    return line_bytes / _SLOWEST_BYTES_PER_SECOND


class Link:
    """Requests and replies over anything that ``open_port`` opens.

    A request without a right answer is sent again, at most ``attempts`` times in all; each waits
    ``timeout_seconds`` and the time that the bytes need on a slow line. Every failure is a DeviceError.
    """

    def __init__(self, url: str, *, baud: int = 115_200, timeout_seconds: float = 5.0, attempts: int = 5) -> None:
        self.url = url
        self._timeout_seconds = timeout_seconds
        self._attempts = attempts
        self._sequence = int.from_bytes(os.urandom(2), "little")
        self._buffer = bytearray()
        self.retries = 0
        opened = open_port(url, baud=baud, timeout_seconds=_POLL_SECONDS, write_timeout_seconds=timeout_seconds)
        self._port, self._close_port = opened.port, opened.close

    def __enter__(self) -> Self:
        """The link itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the port."""
        self.close()

    def close(self) -> None:
        """Closes the port; may be called twice."""
        self._close_port()

    @property
    def timeout_seconds(self) -> float:
        """How long an answer may take, beside the time for the bytes on the line."""
        return self._timeout_seconds

    @property
    def attempts(self) -> int:
        """How often a request is sent before the link gives up."""
        return self._attempts

    def exchange(self, kind: int, payload: bytes, step: str, *, reply_bytes: int = 0) -> bytes:
        """The payload of the answer to a request; ``step`` says in an error what was being done.

        Raises DeviceError where the device reports a fault or an error, or gives no right answer.
        """
        return self.payload_of(self.request(kind, payload, step, reply_bytes=reply_bytes), step)

    def next_sequence(self) -> int:
        """A number that no request of the last 65,534 had."""
        self._sequence = (self._sequence + 1) % NO_SEQUENCE
        return self._sequence

    def request(self, kind: int, payload: bytes, step: str, *, reply_bytes: int = 0) -> Frame:
        """As :meth:`exchange`, but the whole answer, whatever its status."""
        self.next_sequence()
        request = encode_frame(Frame(kind, self._sequence, payload))
        allowance = allowance_seconds(len(request) + reply_bytes)
        problem = ""
        for attempt in range(self._attempts):
            self.retries += attempt > 0
            deadline = time.monotonic() + self._timeout_seconds + allowance
            self.send(request, step)
            reply = self._await_reply(kind, deadline, step, GRACE_SECONDS * 2**attempt)
            if isinstance(reply, Frame):
                return reply
            problem = reply
        raise DeviceError(
            f"{self.url}: {step}: {problem}, {self._attempts} times; check that the board has power, that it runs "
            "an image made with --protocol frames, and that nothing else uses the port"
        )

    def _await_reply(self, kind: int, deadline: float, step: str, grace_seconds: float) -> Frame | str:
        """The reply to the current request, or what was wrong with what came instead.

        ``grace_seconds`` grow with every attempt: a slow device may still be busy with the noise before.
        """
        problem = f"no answer within {self._timeout_seconds:g} s"
        while True:
            frame = self.receive(deadline, step)
            if frame is None:
                return problem
            if frame.kind == Kind.REPLY_BROKEN:
                # Perhaps the noise before a good answer, so wait a little for that; but not the whole time.
                problem = "a damaged answer" if frame is DAMAGED else "the device received a damaged request"
                deadline = min(deadline, time.monotonic() + grace_seconds)
            elif frame.kind == kind | Kind.REPLY and frame.sequence == self._sequence:
                return frame
            # Anything else answers an earlier request, which was sent again before the answer came.

    def receive(self, deadline: float, step: str) -> Frame | None:
        """The next frame; ``DAMAGED`` for bytes that are none; ``None`` after ``deadline``, in monotonic time.

        Raises DeviceError where the device reports a fault.
        """
        encoded = self._next_encoded(deadline, step)
        if encoded is None:
            return None
        frame = decode_frame(encoded)
        if frame is not None and frame.kind == Kind.REPLY_FAULT:
            raise DeviceError(f"{self.url}: {step}: {_stopped(frame)}")
        return frame or DAMAGED

    def payload_of(self, reply: Frame, step: str) -> bytes:
        """The payload of a reply. Raises DeviceError where its status says that the request was not carried out."""
        if reply.status == Status.DONE:
            return reply.payload
        known = reply.status in Status._value2member_map_
        text = _STATUS_TEXT.get(Status(reply.status)) if known else None
        raise DeviceError(f"{self.url}: {step}: {text or f'the device answered with status {reply.status}'}")

    def send(self, encoded: bytes, step: str) -> None:
        """Puts bytes on the line. Raises DeviceError where the connection is gone."""
        try:
            self._port.write(encoded)
        except (serial.SerialException, OSError) as error:
            raise self._lost(step, error) from error

    def _next_encoded(self, deadline: float, step: str) -> bytes | None:
        """The bytes up to the next delimiter, which are not empty; ``None`` after the deadline."""
        while True:
            end = self._buffer.find(DELIMITER)
            if end >= 0:
                encoded = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                if encoded:
                    return encoded
                continue
            if len(self._buffer) > LARGEST_FRAME_BYTES:
                self._buffer.clear()  # no frame is that long: noise
            if time.monotonic() >= deadline:
                return None
            self._read(step)

    def _read(self, step: str) -> None:
        try:
            self._buffer += self._port.read(max(1, self._port.in_waiting))
        except (serial.SerialException, OSError) as error:
            raise self._lost(step, error) from error

    def _lost(self, step: str, error: Exception) -> DeviceError:
        return DeviceError(f"{self.url}: {step}: the connection broke: {error}; check the cable, then try again")


def _stopped(frame: Frame) -> str:
    if frame.status == Status.SETUP_FAILED:
        return f"the device stopped with {describe_failed_setup(frame.payload)}"
    fault = describe_fault(frame.payload)
    if frame.status == Status.STACK_OVERFLOW:
        return f"{_STATUS_TEXT[Status.STACK_OVERFLOW]}. It stopped with {fault}"
    return f"the device stopped with {fault}"
