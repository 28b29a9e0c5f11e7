"""Counts the instructions of an inference, step by step, in QEMU."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tinybayes.build.elf import function_ranges
from tinybayes.build.program import run_program
from tinybayes.build.toolchain import require
from tinybayes.errors import DeviceError, InternalError
from tinybayes.timing.plugin import plugin_library

_TIMEOUT_SECONDS = 300.0
_CHARACTERS_SHOWN = 1500


@dataclass(frozen=True)
class InstructionCounts:
    """Instructions executed between the two marks: ``total == entry + sum(per_step.values())``.

    ``per_step`` is by step number; a function that several steps call is split among them. ``entry`` is the rest:
    the function that calls the steps, and the call itself.
    """

    total: int
    entry: int
    per_step: Mapping[int, int]


def count_instructions(
    elf: Path,
    board_machine: str,
    *,
    begin: str,
    end: str,
    steps: Mapping[int, str],
    entry: str | None = None,
    arguments: Sequence[str] = (),
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> InstructionCounts:
    """Runs ``elf`` on QEMU's ``board_machine`` and counts what is executed between ``begin`` and ``end``.

    ``begin`` and ``end`` are functions that the image calls once, right before and right after its inference; their
    own instructions do not count. ``steps`` maps step numbers to the functions that do them, and ``entry`` is the
    function that calls these; what it executes between two steps counts for the entry where its name is given, and
    for the step before otherwise. The image ends the emulation itself (semihosting).

    Raises ToolError where QEMU or the host's compiler is missing, DeviceError where the image stops early, does not
    stop or never passes the marks, and InternalError where the image lacks one of the functions.
    """
    qemu = require("qemu-system-arm")
    specification = _specification(elf, begin, end, steps, entry)
    plugin = plugin_library()
    with tempfile.TemporaryDirectory(prefix="tinybayes-") as work:
        spec, out = Path(work) / "spec", Path(work) / "out"
        spec.write_text(specification)
        command: list[str | Path] = [qemu, "-M", board_machine, *arguments, "-display", "none", "-monitor", "none"]
        command += ["-serial", "null", "-semihosting-config", "enable=on,target=native", "-kernel", elf]
        command += ["-plugin", f"file={_escaped(plugin)},spec={_escaped(spec)},out={_escaped(out)}"]
        _run(command, elf, board_machine, timeout_seconds)
        counts = out.read_text() if out.is_file() else ""
    return _read_counts(counts, elf, begin, end, set(steps))


def _escaped(path: Path) -> str:
    """QEMU separates options by commas; a doubled one stands for itself."""
    return str(path).replace(",", ",,")


def _specification(elf: Path, begin: str, end: str, steps: Mapping[int, str], entry: str | None) -> str:
    functions = function_ranges(elf)
    wanted = [begin, end, *steps.values(), *([entry] if entry is not None else [])]
    for name in wanted:
        if functions.get(name, (0, 0))[1] == 0:
            raise InternalError(f"{elf} has no function {name}, so its instructions cannot be told from others'")
    starts = {functions[name][0] for name in wanted}
    if len(starts) != len(wanted):
        raise InternalError(f"{elf}: some of {', '.join(wanted)} are the same code, so they cannot be told apart")
    lines = [_range_line("begin", *functions[begin]), _range_line("end", *functions[end])]
    if entry is not None:
        lines.append(_range_line("entry", *functions[entry]))
    lines += [f"step {number} {functions[name][0]:x}" for number, name in steps.items()]
    return "\n".join(lines) + "\n"


def _range_line(what: str, address: int, size_bytes: int) -> str:
    return f"{what} {address:x} {address + size_bytes:x}"


def _run(command: list[str | Path], elf: Path, machine: str, timeout_seconds: float) -> None:
    done = run_program(command, timeout_seconds)
    said = done.last(_CHARACTERS_SHOWN)
    words = f"; it said:\n{said}" if said else " and said nothing"
    if done.status is None:
        raise DeviceError(
            f"{elf} did not stop within {timeout_seconds:g} s on QEMU's {machine} while its instructions were "
            f"counted{words}"
        )
    if done.status != 0:
        raise DeviceError(
            f"QEMU's {machine} stopped with status {done.status} while the instructions of {elf} were counted{words}"
        )


def _read_counts(counts: str, elf: Path, begin: str, end: str, steps: set[int]) -> InstructionCounts:
    if not counts.endswith("complete\n"):
        raise DeviceError(f"QEMU's plugin left no counts for {elf}; is the disk of the temporary directory full?")
    windows, entry = (_number(counts, what) for what in ("windows", "entry"))
    if windows != 1:
        raise DeviceError(f"{elf} went from {begin} to {end} {windows} times; it should do so once and then stop")
    per_step = {int(m[1]): int(m[2]) for m in re.finditer(r"^step (\d+) (\d+)$", counts, re.MULTILINE)}
    if set(per_step) != steps:
        raise InternalError(f"the plugin counted steps {sorted(per_step)}, not {sorted(steps)}")
    return InstructionCounts(
        total=entry + sum(per_step.values()),
        entry=entry,
        per_step=MappingProxyType({number: per_step[number] for number in sorted(per_step)}),
    )


def _number(counts: str, what: str) -> int:
    found = re.search(rf"^{what} (\d+)$", counts, re.MULTILINE)
    if found is None:
        raise InternalError(f"the plugin wrote no line '{what}'")
    return int(found[1])
