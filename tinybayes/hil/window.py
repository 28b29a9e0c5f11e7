"""Many requests on the line at once: as many as the device has memory for, and none sent twice without need.

A request may follow another that is not answered yet as long as all of them, encoded, are no more than the device's
window (docs/protocol.md). So the line stays busy in both directions while the device works, and no
byte is lost on a line without handshake signals.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tinybayes.errors import DeviceError
from tinybayes.hil.frames import Frame, Kind, Status, encode_frame, largest_encoded_bytes
from tinybayes.hil.link import GRACE_SECONDS, Link, allowance_seconds


@dataclass(frozen=True)
class Job:
    """Requests, each a kind and a payload, in their order; what counts is the reply to the last."""

    requests: tuple[tuple[Kind, bytes], ...]
    reply_bytes: int


@dataclass(frozen=True)
class _Sent:
    job: int
    last: bool
    encoded_bytes: int
    reply_bytes: int


def run_jobs(
    link: Link,
    count: int,
    make: Callable[[int], Job],
    take: Callable[[int, bytes], bool],
    *,
    window_bytes: int,
    what: str,
) -> None:
    """Runs jobs 0 to ``count`` - 1, and repeats what is lost on the way.

    ``make`` is called for every job and again for its repetitions; ``take`` gets the job and the last reply's payload,
    once for every job, and says whether it is right. Raises DeviceError where the device reports an error, or where
    even one request at a time gets no answer.
    """
    _Run(link, make, take, window_bytes, what).run(count)


class _Run:
    def __init__(
        self,
        link: Link,
        make: Callable[[int], Job],
        take: Callable[[int, bytes], bool],
        window_bytes: int,
        what: str,
    ) -> None:
        self._link = link
        self._make = make
        self._take = take
        self._window_bytes = window_bytes
        self._what = what
        self._waiting: deque[tuple[_Sent, Kind, bytes]] = deque()
        self._sent: dict[int, _Sent] = {}
        self._sent_bytes = 0
        self._undone: set[int] = set()
        self._settled_at = 0.0
        self._slowest_seconds: float | None = None

    def run(self, count: int) -> None:
        todo = deque(range(count))
        while todo:
            left = len(todo)
            problem = self._run_until_trouble(todo)
            if problem is None:
                return
            self._link.retries += len(self._undone)
            todo.extendleft(sorted(self._undone, reverse=True))
            self._undone.clear()
            self._waiting.clear()
            self._sent.clear()
            self._sent_bytes = 0
            if len(todo) == left:
                self._run_alone(todo.popleft())

    def _run_alone(self, number: int) -> None:
        """One job, every request repeated until it is answered: what a line too bad for many at once may still do."""
        job = self._make(number)
        for _ in range(self._link.attempts):
            for kind, payload in job.requests:
                reply = self._link.request(kind, payload, self._what, reply_bytes=job.reply_bytes)
            if reply.status != Status.OTHER_INPUT and self._take(number, self._link.payload_of(reply, self._what)):
                return
        raise DeviceError(
            f"{self._link.url}: {self._what}: the device loses its input, {self._link.attempts} times; "
            "it may be resetting"
        )

    def _run_until_trouble(self, todo: deque[int]) -> str | None:
        """``None`` where all is done; else what went wrong, once nothing more is to be expected on the line."""
        problem: str | None = None
        deadline = limit = self._deadline()
        self._settled_at = time.monotonic()
        while True:
            if problem is None and self._fill(todo):
                deadline = limit = self._deadline()
            if not self._sent:
                return problem
            reply = self._link.receive(deadline, self._what)
            if reply is None:
                return problem or f"no answer within {self._link.timeout_seconds:g} s"
            if reply.kind == Kind.REPLY_BROKEN:
                problem = problem or "a frame was damaged"
            elif reply.sequence in self._sent:
                problem = self._settle(reply) or problem
                limit = self._deadline()
            # Anything else answers what has been sent again since. Noise moves no limit, so it ends.
            deadline = min(limit, time.monotonic() + self._grace_seconds()) if problem else limit

    def _grace_seconds(self) -> float:
        """How long the device may be busy with what it still has, by what it took so far."""
        if self._slowest_seconds is None:
            return self._link.timeout_seconds
        return GRACE_SECONDS + 2 * self._slowest_seconds

    def _deadline(self) -> float:
        replies = sum(one.reply_bytes for one in self._sent.values())
        return time.monotonic() + self._link.timeout_seconds + allowance_seconds(self._sent_bytes + replies)

    def _fill(self, todo: deque[int]) -> bool:
        """Sends what there is room for; whether anything was sent."""
        encoded = bytearray()
        while self._waiting or todo:
            if not self._waiting:
                self._queue(todo.popleft())
            sent, kind, payload = self._waiting[0]
            if self._sent and self._sent_bytes + sent.encoded_bytes > self._window_bytes:
                break
            self._waiting.popleft()
            sequence = self._link.next_sequence()
            encoded += encode_frame(Frame(kind, sequence, payload))
            self._sent[sequence] = sent
            self._sent_bytes += sent.encoded_bytes
        if encoded:
            self._link.send(bytes(encoded), self._what)
        return bool(encoded)

    def _queue(self, number: int) -> None:
        job = self._make(number)
        self._undone.add(number)
        for index, (kind, payload) in enumerate(job.requests):
            last = index + 1 == len(job.requests)
            size = largest_encoded_bytes(len(payload))
            self._waiting.append((_Sent(number, last, size, job.reply_bytes if last else 0), kind, payload))

    def _settle(self, reply: Frame) -> str | None:
        """Takes a reply; what is wrong with it or is known to be lost by it."""
        problem = None
        now = time.monotonic()
        self._slowest_seconds = max(self._slowest_seconds or 0.0, now - self._settled_at)
        self._settled_at = now
        for sequence in tuple(self._sent):
            sent = self._sent.pop(sequence)
            self._sent_bytes -= sent.encoded_bytes
            if sequence == reply.sequence:
                break
            problem = "a request or its answer was lost"  # replies come in the order of requests
        if reply.status == Status.OTHER_INPUT:
            return "a part of an input was lost"
        payload = self._link.payload_of(reply, self._what)
        if sent.last and sent.job in self._undone:
            if not self._take(sent.job, payload):
                return "an answer for another input"
            self._undone.discard(sent.job)
        return problem
