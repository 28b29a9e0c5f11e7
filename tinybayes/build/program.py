"""Runs a program to its end and keeps what it wrote."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """How a program ended. ``status`` is None where it took too long and was stopped; ``output`` is both streams."""

    status: int | None
    output: str

    def last(self, characters: int) -> str:
        """The end of the output."""
        return self.output.strip()[-characters:]


def run_program(command: Sequence[str | Path], timeout_seconds: float) -> Outcome:
    """Runs ``command`` without input; its output may hold any bytes."""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return Outcome(None, (error.stdout or b"").decode(errors="replace"))
    return Outcome(done.returncode, done.stdout.decode(errors="replace"))
