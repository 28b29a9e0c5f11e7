"""Looks at a device through its link: who it is, how it does, what the link loses, and what comes by itself."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import serial

from tinybayes.errors import DeviceError
from tinybayes.hil import DeviceIdentity, LastFault, Link, SelfTest, Session, StackUse
from tinybayes.hil.board import check_board
from tinybayes.hil.fault import describe_failed_setup, describe_fault
from tinybayes.hil.frames import DELIMITER, Kind, Status, decode_frame
from tinybayes.hil.ports import open_port

_POLL_SECONDS = 0.1
_LONGEST_TEXT_BYTES = 200
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class EchoTest:
    """Frames sent there and back: how many came back right at once, were sent again, and how fast."""

    frames: int
    payload_bytes: int
    retries: int
    seconds: float

    @property
    def bytes_per_second(self) -> float:
        """Payload, there and back."""
        return 2 * self.frames * self.payload_bytes / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Monitored:
    """What was found out about the device at ``url``."""

    url: str
    identity: DeviceIdentity
    stack: StackUse
    self_tests: tuple[SelfTest, ...]
    last_fault: LastFault | None
    echo: EchoTest

    @property
    def good(self) -> bool:
        """Whether nothing had to be sent again and every self-test is right. What failed once is no matter now."""
        return self.echo.retries == 0 and all(test.wrong_step is None for test in self.self_tests)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        identity = {**asdict(self.identity), "network_digest": self.identity.network_digest.hex()}
        echo = {**asdict(self.echo), "bytes_per_second": self.echo.bytes_per_second}
        return {
            "url": self.url,
            "good": self.good,
            "identity": identity,
            "stack": asdict(self.stack),
            "self_tests": [asdict(test) for test in self.self_tests],
            "last_fault": None if self.last_fault is None else describe_last_fault(self.last_fault),
            "echo": echo,
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """Name and text of every line for people."""
        who, echo = self.identity, self.echo
        yield "board", f"{who.board} at {who.clock_hz / 1e6:g} MHz, cycles counted by {who.cycle_counter}"
        yield "network", f"{who.network_name}, digest {who.network_digest.hex()}"
        yield (
            "sizes",
            f"input {who.input_len:,} B, output {who.output_len:,} B, arena {who.arena_bytes:,} B, {who.steps} steps",
        )
        yield "link", f"requests up to {who.request_bytes:,} B, replies up to {who.reply_bytes:,} B"
        yield "stack", f"{self.stack.used_bytes:,} of {self.stack.size_bytes:,} B used since the start"
        yield "self-test", _self_tests_text(self.self_tests)
        yield "last fault", "none" if self.last_fault is None else describe_last_fault(self.last_fault)
        yield (
            "boot loader",
            "can be entered: tinybayes monitor --boot-loader"
            if who.has_boot_loader
            else "none that the firmware can enter",
        )
        if echo.frames:
            lost = (
                "none sent again" if echo.retries == 0 else f"{echo.retries} SENT AGAIN: check cable, baud and ground"
            )
            speed = f"{echo.bytes_per_second / 1000:.1f} kB/s"
            yield "link test", f"{echo.frames:,} frames of {echo.payload_bytes:,} B, {lost}, {speed} there and back"


def examine(
    url: str,
    *,
    baud: int,
    echoes: int,
    digest: bytes | None = None,
    board: str | None = None,
    progress: Progress | None = None,
) -> Monitored:
    """Greets the device, lets it test itself, and sends ``echoes`` frames of random bytes there and back.

    Raises DeviceError where it does not answer, or holds another network than ``digest`` or an image for another
    board than ``board``, where these are given.
    """
    with Session(Link(url, baud=baud), expected_digest=digest) as session:
        check_board(url, session.identity.board, board)
        fault = session.last_fault()
        tests = session.self_test()
        return Monitored(url, session.identity, session.stack(), tests, fault, _echo(session, echoes, progress))


def restart(url: str, baud: int) -> None:
    """Resets the device, also one that has stopped with a fault. Raises DeviceError where it does not answer."""
    with Link(url, baud=baud) as link:
        link.exchange(Kind.RESET, b"", "reset")


def leave(url: str, baud: int) -> None:
    """Lets the device hand over to its boot loader. Raises DeviceError where it has none."""
    with Session(Link(url, baud=baud)) as session:
        session.enter_boot_loader()


def listen(url: str, baud: int, seconds: float | None = None) -> Iterator[str]:
    """A line of text for every frame, and for every line of other bytes, that comes by itself."""
    port = open_port(url, baud=baud, timeout_seconds=_POLL_SECONDS, write_timeout_seconds=1.0)
    start = time.monotonic()
    waiting = b""
    try:
        while seconds is None or time.monotonic() - start < seconds:
            try:
                waiting += port.port.read(max(1, port.port.in_waiting))
            except (serial.SerialException, OSError) as error:
                raise DeviceError(f"{url}: listening: the connection broke: {error}; check the cable") from error
            *whole, waiting = waiting.split(DELIMITER)
            for piece in whole:
                if piece:
                    yield f"{time.monotonic() - start:9.3f} {describe(piece)}"
        if waiting:
            yield f"{time.monotonic() - start:9.3f} {describe(waiting)}"
    finally:
        port.close()


def describe(encoded: bytes) -> str:
    """One line about what stood between two delimiters."""
    frame = decode_frame(encoded)
    if frame is None:
        text = encoded[:_LONGEST_TEXT_BYTES].decode("ascii", "backslashreplace").encode("unicode_escape").decode()
        return f"no frame, {len(encoded)} bytes: {text}"
    if frame.kind == Kind.REPLY_FAULT:
        setup = frame.status == Status.SETUP_FAILED
        return f"stopped with {describe_failed_setup(frame.payload) if setup else describe_fault(frame.payload)}"
    if frame.kind == Kind.REPLY_BROKEN:
        return "ready; what came before was no right frame, or the device has just started"
    answers = bool(frame.kind & Kind.REPLY)
    base = frame.kind & ~Kind.REPLY
    name = Kind(base).name.lower().replace("_", " ") if base in Kind._value2member_map_ else f"kind {base}"
    status = Status(frame.status).name.lower() if frame.status in Status._value2member_map_ else str(frame.status)
    what = f"reply to {name}: {status.replace('_', ' ')}" if answers else f"request {name}"
    return f"{what}, sequence {frame.sequence}, {len(frame.payload)} bytes"


def describe_last_fault(fault: LastFault) -> str:
    """One line about the fault before the last reset."""
    if fault.status == Status.SETUP_FAILED:
        return describe_failed_setup(fault.record)
    cause = "stack overflow, " if fault.status == Status.STACK_OVERFLOW else ""
    return cause + describe_fault(fault.record)


def _self_tests_text(tests: tuple[SelfTest, ...]) -> str:
    if not tests:
        return "the image holds none"
    for test in tests:
        if test.wrong_step is not None:
            return (
                f"FAILED: vector {test.vector}, step {test.wrong_step}: CRC {test.got_crc:#010x}, wanted "
                f"{test.wanted_crc:#010x}; tinybayes verify shows the first wrong value"
            )
    return f"{len(tests)} passed, every step"


def _echo(session: Session, frames: int, progress: Progress | None) -> EchoTest:
    identity = session.identity
    size = min(identity.request_bytes, identity.reply_bytes, 1024)
    before = session.link.retries
    start = time.monotonic()
    for number in range(frames):
        sent = os.urandom(size)
        if session.echo(sent) != sent:
            raise DeviceError(f"{session.link.url}: echo {number}: other bytes came back, under a right checksum")
        if progress is not None:
            progress(number + 1, frames)
    return EchoTest(frames, size, session.link.retries - before, time.monotonic() - start)
