"""Compiles C for the machine that tinybayes itself runs on."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tinybayes.build.program import run_program
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
    done = run_program(command, _COMPILE_SECONDS)
    if done.status is None:
        raise ToolError(f"compiling {output.name} for the host took more than {_COMPILE_SECONDS:.0f} s")
    if done.status != 0:
        raise ToolError(f"compiling {output.name} for the host failed:\n{done.output[:_CHARACTERS_SHOWN].rstrip()}")
