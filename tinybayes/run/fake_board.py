"""A board without hardware: a process that runs the firmware's own protocol code behind a line that can be made bad."""

import contextlib
import os
import pty
import socket
import subprocess
import tempfile
import tty
import weakref
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tinybayes.build.host_compiler import compile_for_host
from tinybayes.errors import UserError

_SOURCE = Path(__file__).with_name("fake_board.c")
_FIRMWARE = ("protocol.c", "inference.c", "frame.c", "golden.c")
_STOP_SECONDS = 5.0
BOOT_LOADER_STATUS = 42
"""How the program ends where it was asked to hand over to its boot loader."""


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a fake board and its line.

    ``baud`` is the speed of the line, 0 for none: then nothing is lost for want of room. ``fifo_bytes`` is what the
    receiver can hold, None for as much as the board's firmware; ``latency_seconds`` comes before each answer.
    ``flips`` and ``drops`` are bytes in a million, each way, of which a bit is flipped or which are lost. After
    ``fault_after`` requests the device faults, and after ``reset_after`` it starts anew; 0 is never. ``wrong_step`` is
    the step, counted from 1, that leaves one wrong bit in the middle of its tensor; 0 is none.
    """

    baud: int = 0
    fifo_bytes: int | None = None
    latency_seconds: float = 0.0
    flips: int = 0
    drops: int = 0
    seed: int = 1
    fault_after: int = 0
    reset_after: int = 0
    wrong_step: int = 0

    def arguments(self) -> tuple[str, ...]:
        """For the program."""
        numbers = {
            "--baud": self.baud,
            "--latency-us": round(self.latency_seconds * 1e6),
            "--flips": self.flips,
            "--drops": self.drops,
            "--seed": self.seed,
            "--fault-after": self.fault_after,
            "--reset-after": self.reset_after,
            "--wrong-step": self.wrong_step,
        }
        if self.fifo_bytes is not None:
            numbers["--fifo"] = self.fifo_bytes
        return tuple(text for name, value in numbers.items() for text in (name, str(value)))


def build_fake_board(directory: Path, name: str, output: Path, *, options: tuple[str, ...] = ("-O2",)) -> None:
    """Compiles the protocol code and the network of a project in ``directory`` into the program ``output``.

    Raises UserError where the project has no protocol, and ToolError without a compiler.
    """
    firmware = directory / "firmware"
    if not (firmware / "inference.c").is_file():
        raise UserError(f"{directory} holds no firmware with the frame protocol; compile it with --protocol frames")
    sources = [firmware / file for file in _FIRMWARE if (firmware / file).is_file()]
    network = directory / "network"
    wrapped = [
        option
        for what in ("step", "run")
        for option in (
            f"-DWRAPPED_{what.upper()}=__wrap_{name}_{what}",
            f"-DREAL_{what.upper()}=__real_{name}_{what}",
            f"-Wl,--wrap={name}_{what}",
        )
    ]
    compile_for_host(
        [_SOURCE, *sources, *sorted(network.glob("*.c"))],
        output,
        options=[*options, *wrapped, f"-D{name.upper()}_TRACE", "-pthread"],
        include=[firmware, network],
    )


class FakeBoard:
    """A running fake board at ``url``, on the loopback interface or, with ``terminal``, a pseudo-terminal.

    It ends with ``close`` or with Python, whichever is first.
    """

    def __init__(self, program: Path, trouble: Trouble | None = None, *, terminal: bool = False, port: int = 0) -> None:
        """Starts ``program``, made by :func:`build_fake_board`, whose file is not needed any more afterwards.

        Raises UserError where ``port`` is taken.
        """
        kept_open: list[int] = []
        if terminal:
            master, slave = pty.openpty()
            tty.setraw(slave)
            self.url = os.ttyname(slave)
            line, role = master, "--terminal"
            kept_open.append(slave)  # without anybody at this end the other reads an error
        else:
            try:
                listener = socket.create_server(("127.0.0.1", port))
            except OSError as error:
                raise UserError(f"port {port} cannot be listened on: {error.strerror}; choose another") from error
            self.url = f"socket://127.0.0.1:{listener.getsockname()[1]}"
            line, role = listener.detach(), "--listener"
        file = os.open(program, os.O_RDONLY)
        kept_open += [line, file]
        self._inherited = (line, file)
        self._command = (f"/proc/self/fd/{file}", role, str(line), *(trouble or Trouble()).arguments())
        self._processes: list[subprocess.Popen[bytes]] = []
        self.close = weakref.finalize(self, _stop, self._processes, kept_open)
        self.start()

    def start(self) -> None:
        """Starts it once more after it has ended by itself, at the same ``url``."""
        self._processes.append(subprocess.Popen(self._command, pass_fds=self._inherited))

    @property
    def process_id(self) -> int:
        """Its process."""
        return self._processes[-1].pid

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Until it ends by itself; its status, which is ``BOOT_LOADER_STATUS`` where its boot loader was entered."""
        return self._processes[-1].wait(timeout_seconds)

    def __enter__(self) -> Self:
        """The board itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Calls ``close``."""
        self.close()


def start_fake_board(
    directory: Path, name: str, trouble: Trouble | None = None, *, terminal: bool = False, port: int = 0
) -> FakeBoard:
    """Builds and starts the fake board of a compiled project; the program's file is gone once it runs."""
    with tempfile.TemporaryDirectory(prefix="tinybayes-") as work:
        program = Path(work) / "fake_board"
        build_fake_board(directory, name, program)
        return FakeBoard(program, trouble, terminal=terminal, port=port)


def _stop(processes: list[subprocess.Popen[bytes]], kept_open: list[int]) -> None:
    for process in processes:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    while kept_open:
        os.close(kept_open.pop())
