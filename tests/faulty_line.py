"""A line between client and board that fails in every way a line can, by a seeded plan; and a client that uses it."""

import random
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinybayes.errors import DeviceError
from tinybayes.hil import Link, Session
from tinybayes.hil.frames import Frame, Kind, encode_frame

KINDS = ("flip", "drop", "duplicate", "delay", "reorder", "cut", "reset")
_WEIGHTS = (30, 30, 15, 10, 10, 2, 3)
_RESET = encode_frame(Frame(Kind.RESET, 0x7E57))
_FLUSH_SECONDS = 0.03
_RESET_SECONDS = 0.005  # how late a reset may be after a piece that the board begins to work on
_LONGEST_SECONDS = 60.0
THIRD = 0.35


class FaultyLine:
    """A proxy to the board at ``address``: a ``share`` of the pieces that pass is damaged. ``counts`` says how.

    ``reset`` starts the board anew at once; without it the board is asked to, and does so when it gets to that.
    """

    def __init__(
        self,
        address: tuple[str, int],
        seed: int,
        most: int,
        share: float = THIRD,
        reset: Callable[[], None] | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._reset = reset
        self._dice = random.Random(seed)
        self._most = most
        self._share = share
        self._board = socket.create_connection(address)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._client: socket.socket | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and both connections."""
        self._stopped.set()
        self._thread.join(10)
        for one in (self._client, self._board, self._listener):
            if one is not None:
                one.close()

    def _run(self) -> None:
        held: list[tuple[float, socket.socket, bytes]] = []
        while not self._stopped.is_set():
            sources = [self._listener, self._board, *([self._client] if self._client else [])]
            ready, _, _ = select.select(sources, [], [], 0.005)
            for source in ready:
                if source is self._listener:
                    self._drop_client()
                    self._client = self._listener.accept()[0]
                    self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    continue
                data = self._received(source)
                target = self._client if source is self._board else self._board
                if not data:
                    if source is self._client:
                        self._drop_client()
                    continue
                if target is None:
                    continue
                wait, data = self._damage(data, target)
                if wait:
                    held.append((time.monotonic() + wait, target, data))
                else:
                    self._send(target, data)
            now = time.monotonic()
            for item in [one for one in held if one[0] <= now]:
                held.remove(item)
                self._send(item[1], item[2])

    def _received(self, source: socket.socket) -> bytes:
        try:
            return source.recv(4096)
        except OSError:
            return b""

    def _send(self, target: socket.socket, data: bytes) -> None:
        if target is self._board or target is self._client:
            try:
                target.sendall(data)
            except OSError:
                if target is self._client:
                    self._drop_client()

    def _drop_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _damage(self, data: bytes, target: socket.socket) -> tuple[float, bytes]:
        """How long to hold a piece back, and what becomes of it."""
        if self._dice.random() > self._share or sum(self.counts.values()) >= self._most:
            return 0.0, data
        kind = self._dice.choices(KINDS, _WEIGHTS)[0]
        self.counts[kind] += 1
        at = self._dice.randrange(len(data))
        length = self._dice.randrange(1, 6)
        if kind == "flip":
            damaged = bytearray(data)
            damaged[at] ^= 1 << self._dice.randrange(8)
            return 0.0, bytes(damaged)
        if kind == "drop":
            return 0.0, data[:at] + data[at + length :]
        if kind == "duplicate":
            return 0.0, data[: at + length] + data[at:]
        if kind == "delay":
            return self._dice.uniform(0.01, 0.5), data
        if kind == "reorder":
            # The next piece overtakes this one, or its two halves change places.
            return (_FLUSH_SECONDS, data) if self._dice.random() < 0.5 else (0.0, data[at:] + data[:at])
        if kind == "cut":
            self._drop_client()
            return 0.0, data
        if self._reset is None:
            self._board.sendall(_RESET)
            return 0.0, data
        self._send(target, data)
        time.sleep(self._dice.uniform(0.0, _RESET_SECONDS))
        self._reset()
        return 0.0, b""


@dataclass
class Tally:
    """What came of a campaign: operations whose results were right, clear errors, wrong results, and hangs."""

    right: int = 0
    errors: int = 0
    wrong: int = 0
    hangs: int = 0
    slowest_seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "faults": sum(self.faults.values()),
            "by_kind": {kind: self.faults[kind] for kind in KINDS},
            "operations": self.right + self.errors + self.wrong,
            "right": self.right,
            "clear_errors": self.errors,
            "wrong_results": self.wrong,
            "hangs": self.hangs,
            "slowest_operation_seconds": round(self.slowest_seconds, 2),
        }

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Tally":
        """What :meth:`record` was made of."""
        return cls(
            record["right"],
            record["clear_errors"],
            record["wrong_results"],
            record["hangs"],
            record["slowest_operation_seconds"],
            Counter(record["by_kind"]),
        )

    def add(self, other: "Tally") -> None:
        """Sums up."""
        self.right += other.right
        self.errors += other.errors
        self.wrong += other.wrong
        self.hangs += other.hangs
        self.slowest_seconds = max(self.slowest_seconds, other.slowest_seconds)
        self.faults += other.faults


@dataclass(frozen=True)
class Expected:
    """Inputs int8 (n, input_len), and for each the bytes that every step leaves; the last are the output's."""

    digest: bytes
    inputs: np.ndarray
    tensors: list[list[bytes]]


def campaign(
    address: tuple[str, int],
    expected: Expected,
    *,
    seed: int,
    faults: int,
    share: float = THIRD,
    timeout_seconds: float = 0.15,
    reset: Callable[[], None] | None = None,
) -> Tally:
    """Uses the board at ``address`` until so many faults have happened to a ``share`` of all that passes."""
    dice = random.Random(seed + 1)
    line = FaultyLine(address, seed, faults, share, reset)
    tally = Tally()
    session: Session | None = None
    operations = _operations(expected, dice)
    try:
        while sum(line.counts.values()) < faults:
            begin = time.monotonic()
            try:
                if session is None:
                    session = _open(line.url, expected.digest, timeout_seconds)
                right = dice.choice(operations)(session)
                tally.right += right
                tally.wrong += not right
            except DeviceError as error:
                assert str(error).startswith(line.url)
                tally.errors += 1
                if session is not None:
                    session.close()
                session = None
            passed = time.monotonic() - begin
            tally.hangs += passed > _LONGEST_SECONDS
            tally.slowest_seconds = max(tally.slowest_seconds, passed)
        tally.faults = line.counts
    finally:
        if session is not None:
            session.close()
        line.close()
    return tally


def _open(url: str, digest: bytes, timeout_seconds: float) -> Session:
    link = Link(url, timeout_seconds=timeout_seconds, attempts=8)
    try:
        return Session(link, expected_digest=digest)
    except BaseException:
        link.close()
        raise


def _operations(expected: Expected, dice: random.Random) -> list[Callable[[Session], bool]]:
    inputs, tensors = expected.inputs, expected.tensors

    def one() -> int:
        return dice.randrange(len(inputs))

    def run_many(session: Session) -> bool:
        chosen = [one() for _ in range(8)]
        outputs = session.run_many(inputs[chosen])
        return [row.tobytes() for row in outputs] == [tensors[k][-1] for k in chosen]

    def run(session: Session) -> bool:
        k = one()
        session.load_input(inputs[k])
        session.run()
        return session.read_output().tobytes() == tensors[k][-1]

    def infer(session: Session) -> bool:
        k = one()
        return session.infer(inputs[k]).output.tobytes() == tensors[k][-1]

    def tensor(session: Session) -> bool:
        k, step = one(), dice.randrange(session.identity.steps)
        session.load_input(inputs[k])
        session.trace(step)
        return session.read_tensor(step).tobytes() == tensors[k][step]

    def echo(session: Session) -> bool:
        data = dice.randbytes(dice.randrange(200))
        return session.echo(data) == data

    def self_test(session: Session) -> bool:
        return [test.wrong_step for test in session.self_test()] == [None] * session.identity.self_tests

    def profile(session: Session) -> bool:
        session.load_input(inputs[one()])
        return len(session.profile().cycles) == session.identity.steps

    return [run_many, run_many, run_many, run, infer, tensor, echo, self_test, profile]
