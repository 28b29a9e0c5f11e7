"""Boots an image in QEMU and talks to it over its emulated serial line, exactly as to a board on a desk."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
import numpy.typing as npt

from tinybayes.boards import Board
from tinybayes.errors import DeviceError, ToolError, UnsupportedError
from tinybayes.run.device import DeviceRunner
from tinybayes.run.one_cpu import on_one_cpu
from tinybayes.run.runner import Progress, RunResult

_QEMU = "qemu-system-arm"
_INSTALL = "apt-get install qemu-system-arm"
_END_SECONDS = 0.5
_STOP_SECONDS = 5.0
# QEMU gives a receiver as much at a time as it has room for: one byte, where it emulates no FIFO or asks only whether
# there is any room (QEMU 7.2, hw/char, *_can_receive). Reading that from the socket costs more than a UART's byte takes
# on the line. A multiplexer in front, of one, holds up to 32 and hands them on as the image reads. This one takes six.
_RECEIVES_MANY = {"nrf_uart"}
_NO_BYTE = "256"  # as the character that would make the multiplexer do something else


class Emulator:
    """A running QEMU whose first serial port is at ``url`` on the loopback interface.

    The process ends with ``close``, with the garbage collection of this object, or with Python, whichever is first.
    """

    def __init__(self, elf: Path, board: Board, *, extra_arguments: Sequence[str] = (), restarts: bool = False) -> None:
        """Starts QEMU; it runs the image once somebody connects. Where the image resets, QEMU ends, or ``restarts`` it.

        Raises ToolError without QEMU and UnsupportedError for a board that QEMU does not emulate.
        """
        if board.qemu is None:
            raise UnsupportedError(f"QEMU does not emulate {board.name}; use a board on a serial port instead")
        program = shutil.which(_QEMU)
        if program is None:
            raise ToolError(f"{_QEMU} is not installed; install it with: {_INSTALL}")
        if not elf.is_file():
            raise DeviceError(f"{elf} is not there; build it first with `tinybayes build`")
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process, in _stop
        # Python listens and QEMU inherits the socket: no free port to be guessed, no start to be waited for.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.url = f"socket://127.0.0.1:{listener.getsockname()[1]}"
            buffered = ",mux=on" if board.uart.driver not in _RECEIVES_MANY else ""
            command = (
                program, "-M", board.qemu.machine, *board.qemu.arguments, *extra_arguments,
                "-display", "none", "-monitor", "none", *(() if restarts else ("-no-reboot",)),
                "-chardev", f"socket,id=link,fd={listener.fileno()},server=on,wait=on{buffered}",
                "-echr", _NO_BYTE, "-serial", "chardev:link", "-kernel", str(elf),
            )  # fmt: skip
            with on_one_cpu():
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(listener.fileno(),),
                )
        self.close = weakref.finalize(self, _stop, self._process, self._log)

    @property
    def process_id(self) -> int:
        """QEMU's process."""
        return self._process.pid

    def last_words(self) -> str:
        """How QEMU ended and the last that it printed, or an empty string while it runs quietly."""
        # A broken connection is noticed before the process is gone.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        status = self._process.poll()
        ended = "" if status is None else f"QEMU has ended with status {status}. "
        if self._log.closed:
            return ended
        self._log.seek(0)
        text = self._log.read()[-2000:].decode("utf-8", "replace").strip()
        return ended + (f"QEMU's last output: {text}" if text else "")


def _stop(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    process.kill()
    # A process that cannot even be killed hangs in the kernel; it is no use to hang with it.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    log.close()


class QemuRunner:
    """A Runner on QEMU's machine for ``board``; ``elf`` is an image built with ``--protocol frames``.

    Raises ToolError without QEMU, and DeviceError, with QEMU's last output, where the image does not answer within
    ``timeout_seconds`` a few times over, stops with a fault, or holds another network than ``network_digest``.
    """

    def __init__(
        self,
        elf: Path,
        board: Board,
        *,
        network_digest: bytes | None,
        timeout_seconds: float = 10.0,
        extra_arguments: Sequence[str] = (),
    ) -> None:
        self.name = "qemu"
        self._emulator = Emulator(elf, board, extra_arguments=extra_arguments)
        try:
            with self._explained():
                self._device = DeviceRunner(
                    self._emulator.url, network_digest=network_digest, name="qemu", timeout_seconds=timeout_seconds
                )
        except BaseException:
            self._emulator.close()
            raise
        self.session = self._device.session
        self.steps = self._device.steps

    def run(self, inputs: npt.NDArray[np.int8], progress: Progress | None = None) -> RunResult:
        """Run on inputs, int8 (n, input_len), every step traced."""
        with self._explained():
            return self._device.run(inputs, progress)

    def predict(self, inputs: npt.NDArray[np.int8], progress: Progress | None = None) -> npt.NDArray[np.int8]:
        """Outputs alone, int8 (n, output_len)."""
        with self._explained():
            return self._device.predict(inputs, progress)

    def tensor(self, values: npt.NDArray[np.int8], step: int) -> npt.NDArray[np.uint8]:
        """The bytes, uint8 (length,), that ``step`` leaves for one input, int8 (input_len,)."""
        with self._explained():
            return self._device.tensor(values, step)

    def close(self) -> None:
        """Closes the link and ends QEMU; may be called twice."""
        self._device.close()
        self._emulator.close()

    def __enter__(self) -> Self:
        """The runner itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Calls ``close``."""
        self.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DeviceError as error:
            words = self._emulator.last_words()
            raise DeviceError(f"{error}. {words}" if words else str(error)) from error
