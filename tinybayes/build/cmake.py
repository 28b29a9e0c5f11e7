"""Runs CMake and Ninja on a generated firmware project."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from tinybayes.build.program import run_program
from tinybayes.build.toolchain import require
from tinybayes.errors import LimitError, ToolError, UserError

_BUILD_SECONDS = 900.0
_LIST_SECONDS = 60.0
_LINES_SHOWN = 25
_OVERFLOW = re.compile(r"region [`'](?P<region>[^']+)' overflowed by (?P<bytes>\d+) bytes?")
_USEFUL = re.compile(r"error|warning|undefined|overflow|cannot|fatal|No such", re.IGNORECASE)
_CACHED_TOOLCHAIN = re.compile(r'^include\("(.*)"\)', re.MULTILINE)
_CACHED_SOURCE = re.compile(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", re.MULTILINE)


class RegionOverflowError(LimitError):
    """The image does not fit: ``overflows`` is by how many bytes, by memory (FLASH, RAM)."""

    def __init__(self, message: str, overflows: Mapping[str, int]) -> None:
        super().__init__(message)
        self.overflows = overflows


def build_firmware(directory: Path, name: str, *, bench: bool = False) -> Path:
    """Builds the firmware project in ``directory`` and returns the path of its ELF file.

    The ELF is ``directory/build/<name>.elf``, or with ``bench`` the bare image ``<name>_bench.elf``; the linker's map
    lies beside it with the suffix ``.map`` (:func:`map_beside`).

    Raises UserError where ``directory`` holds no project, RegionOverflowError where the image does not fit the board
    (naming memory and bytes), and ToolError where a tool is missing or fails (with the last lines it wrote).
    """
    elf = directory.resolve() / "build" / f"{name}{'_bench' if bench else ''}.elf"
    _build(directory, "bench" if bench else None, (elf, map_beside(elf)), name)
    return elf


def build_library(directory: Path, name: str) -> Path:
    """Builds the library project in ``directory`` and returns the path of ``build/lib<name>.a``.

    Raises UserError where ``directory`` holds no project, and ToolError where a tool is missing or fails.
    """
    archive = directory.resolve() / "build" / f"lib{name}.a"
    _build(directory, None, (archive,), name)
    return archive


def library_objects(archive: Path) -> tuple[Path, ...]:
    """The object files, still in their places, that the last build put into ``archive``, a library's ``lib<name>.a``.

    Raises ToolError where the archive cannot be listed.
    """
    ar = require("arm-none-eabi-gcc").with_name("arm-none-eabi-ar")
    done = run_program([ar, "t", archive], _LIST_SECONDS)
    if done.status != 0:
        raise ToolError(f"{ar} could not list {archive}: {done.last(1000) or 'it took too long'}")
    name = archive.stem.removeprefix("lib")
    return tuple(archive.parent / "CMakeFiles" / f"{name}.dir" / "network" / member for member in done.output.split())


def _build(directory: Path, target: str | None, results: tuple[Path, ...], name: str) -> None:
    source = directory.resolve()
    if not (source / "CMakeLists.txt").is_file():
        raise UserError(
            f"{directory} holds no CMakeLists.txt, so there is nothing to build; "
            f"'tinybayes compile ... --out {directory}' writes one"
        )
    cmake = require("cmake")
    ninja = require("ninja")
    require("arm-none-eabi-gcc")
    build = source / "build"
    _forget_other_build(source, build)
    _run([cmake, "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"], "configuring", directory)
    command: list[str | Path] = [cmake, "--build", build]
    _run([*command, "--target", target] if target is not None else command, "building", directory)
    for made in results:
        if not made.is_file():
            raise ToolError(f"building {directory} went through but left no {made}; is its network's name {name!r}?")


def map_beside(elf: Path) -> Path:
    """The linker's map that belongs to ``elf``."""
    return elf.with_suffix(".map")


def _forget_other_build(source: Path, build: Path) -> None:
    """CMake refuses to work where a project was copied or moved with its build directory, and where one of another
    kind, with its toolchain file in another place, was built there: drop what it remembers."""
    cache = build / "CMakeCache.txt"
    if not cache.is_file():
        return
    remembered = _CACHED_SOURCE.search(cache.read_text(errors="replace"))
    systems = [path.read_text(errors="replace") for path in (build / "CMakeFiles").glob("*/CMakeSystem.cmake")]
    toolchains = [found for text in systems for found in _CACHED_TOOLCHAIN.findall(text)]
    moved = remembered is None or Path(remembered.group(1)) != source
    if moved or not all(Path(toolchain).is_file() for toolchain in toolchains):
        cache.unlink()
        shutil.rmtree(build / "CMakeFiles", ignore_errors=True)


def _run(command: list[str | Path], doing: str, directory: Path) -> None:
    done = run_program(command, _BUILD_SECONDS)
    if done.status is None:
        raise ToolError(f"{doing} {directory} took more than {_BUILD_SECONDS:.0f} s and was stopped")
    if done.status == 0:
        return
    overflows = {m["region"]: int(m["bytes"]) for m in _OVERFLOW.finditer(done.output)}
    if overflows:
        what = " and ".join(f"{region} by {count} bytes" for region, count in overflows.items())
        raise RegionOverflowError(f"the image in {directory} does not fit the board: it overflows {what}", overflows)
    raise ToolError(f"{doing} {directory} failed:\n{_last_useful_lines(done.output)}")


def _last_useful_lines(output: str) -> str:
    """The end of ``output``, from the first error on where there is one."""
    lines = output.rstrip().splitlines()
    first = next((i for i, line in enumerate(lines) if _USEFUL.search(line)), len(lines))
    start = min(first, max(len(lines) - _LINES_SHOWN, 0))
    shown = lines[start : start + _LINES_SHOWN]
    return "\n".join(shown)
