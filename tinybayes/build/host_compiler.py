"""Compiles C for the machine that tinybayes itself runs on."""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tinybayes.build.toolchain import require
from tinybayes.errors import ToolError

C_WARNINGS = (
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wcast-align=strict",
    "-Wcast-qual",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wundef",
    "-Wvla",
    "-Wdouble-promotion",
    "-Werror",
)
"""The warnings that all of our C is free of, written by hand or generated."""

_COMPILE_SECONDS = 600.0
_CHARACTERS_SHOWN = 3000


def compile_for_host(
    sources: Iterable[Path], output: Path, *, options: Sequence[str] = (), include: Sequence[Path] = ()
) -> None:
    """Compiles and links ``sources`` (C11, all warnings are errors) into ``output``.

    Raises ToolError where the compiler is missing or refuses, with what it wrote.
    """
    command: list[str | Path] = [require("gcc"), "-std=c11", *C_WARNINGS, *options]
    command += [f"-I{directory}" for directory in include]
    command += [*sources, "-o", output]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_COMPILE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"compiling {output.name} for the host took more than {_COMPILE_SECONDS:.0f} s") from error
    if done.returncode != 0:
        raise ToolError(f"compiling {output.name} for the host failed:\n{done.stdout[:_CHARACTERS_SHOWN].rstrip()}")
