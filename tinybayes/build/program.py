"""Runs a program to its end and keeps what it wrote."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tinybayes.errors import ToolError


@dataclass(frozen=True)
class Outcome:
    """How a program ended. ``status`` is None where it took too long and was stopped; ``output`` is both streams."""

    status: int | None
    output: str

    def last(self, characters: int) -> str:
        """The end of the output."""
        return self.output.strip()[-characters:]


def run_program(command: Sequence[str | Path], timeout_seconds: float) -> Outcome:
    """Runs ``command`` without input; its output may hold any bytes.

    A program that takes too long is stopped with all that it started. Raises ToolError where it cannot be started.
    """
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a group of its own, which can be stopped as a whole
        )
    except OSError as error:
        raise ToolError(f"{command[0]} does not run: {error}") from error
    with process:
        try:
            output, _ = process.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            _stop(process)
            return Outcome(None, process.communicate()[0].decode(errors="replace"))
        except BaseException:
            _stop(process)
            raise
    return Outcome(process.returncode, output.decode(errors="replace"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
