"""The commands of OpenOCD and pyOCD that write an image, check it and start it."""

import os
import shlex
import subprocess
import sys
from importlib import util
from pathlib import Path

from tinybayes.boards.flashing import OpenOcd, PyOcd
from tinybayes.build.toolchain import require
from tinybayes.errors import DeviceError, ToolError, UserError

_SECONDS = 300.0
_ADVICE = (
    # Words of OpenOCD 0.12 and pyOCD 0.46, and what they come from.
    ("open failed", "no probe was found: check the USB cable and that it carries data"),
    ("no device found", "no probe was found: check the USB cable and that it carries data"),
    ("no available debug probes", "no probe was found: check the USB cable and that it carries data"),
    (
        "unable to open",
        "the probe is there but may not be used: add the udev rules of its tool, or unplug and replug it",
    ),
    ("libusb_error_access", "you may not use the probe: install the udev rules of its tool, then replug it"),
    ("permission denied", "you may not use the probe: install the udev rules of its tool, then replug it"),
    ("target voltage may be too low", "the board has no power, or the probe is not wired to its supply"),
    ("init mode failed", "the chip does not answer: check its power, the wiring of SWDIO, SWCLK and GND, and NRST"),
    ("no acks received", "the chip does not answer: check its power and the wiring of SWDIO, SWCLK and GND"),
    ("no ack", "the chip does not answer: check its power and the wiring of SWDIO, SWCLK and GND"),
    ("unexpected idcode", "the chip is another one than the board's; is it the board that DIR was compiled for?"),
    ("verify failed", "what was read back differs: the flash may be write-protected, or the chip another one"),
)


def openocd_command(way: OpenOcd, elf: Path, probe: str | None) -> tuple[str, ...]:
    """OpenOCD's ``program`` (its User's Guide, Flash Programming); ``adapter serial`` picks one probe of many."""
    choose = () if probe is None else ("-c", f"adapter serial {_tcl_word(probe, '--probe')}")
    configs = [part for config in way.configs for part in ("-f", config)]
    return ("openocd", *configs, *choose, "-c", f"program {_tcl_word(str(elf), 'the image')} verify reset exit")


def pyocd_command(way: PyOcd, elf: Path, probe: str | None) -> tuple[str, ...]:
    """``pyocd load``; ``--no-config`` leaves out what another project says in a pyocd.yaml."""
    choose = () if probe is None else ("--uid", probe)
    return (sys.executable, "-m", "pyocd", "load", "--no-config", "--target", way.target, *choose, str(elf))


def run_tool(command: tuple[str, ...], timeout_seconds: float = _SECONDS) -> str:
    """What the command printed.

    Raises ToolError where it is not installed, and DeviceError with its last words, and what they mean where that is
    known, where it fails or does not end.
    """
    name = _installed(command)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=timeout_seconds, check=False, env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DeviceError(
            f"{name} did not end within {timeout_seconds:g} s; unplug the probe and the board, and try again. "
            f"The command was: {shlex.join(command)}"
        ) from error
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        advice = next((text for words, text in _ADVICE if words in done.stdout.lower()), None)
        raise DeviceError(
            f"{name} stopped with status {done.returncode}{f': {advice}' if advice else ''}. "
            f"Its last output: {' | '.join(lines[-4:])[-600:]}. The command was: {shlex.join(command)}"
        )
    return done.stdout


def _installed(command: tuple[str, ...]) -> str:
    if command[0] == sys.executable:
        if util.find_spec("pyocd") is None:
            raise ToolError(
                f"pyocd is not installed; install it with: {sys.executable} -m pip install 'tinybayes[probes]'"
            )
        return "pyocd"
    require("openocd")
    return "openocd"


def _tcl_word(text: str, what: str) -> str:
    """Text in braces, which Tcl takes as it is (Tcl manual, rule 6)."""
    if any(sign in text for sign in "{}\\\n"):
        raise UserError(f"{what} is {text!r}; OpenOCD cannot be given braces, backslashes or line ends")
    return f"{{{text}}}"
