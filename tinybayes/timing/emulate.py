"""Runs an inference in QEMU and keeps what was executed, step by step."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tinybayes.build.elf import constant_range, function_ranges
from tinybayes.build.program import run_program
from tinybayes.build.toolchain import require
from tinybayes.errors import DeviceError, InternalError
from tinybayes.timing.instruction import LOADS, STORES, Instruction, Kind
from tinybayes.timing.plugin import plugin_library
from tinybayes.timing.program import Program
from tinybayes.timing.trace import StepTrace, Trace

_TIMEOUT_SECONDS = 300.0
_CHARACTERS_SHOWN = 1500
_ENTRY = -1


@dataclass(frozen=True)
class Marks:
    """The functions of an image that say what is measured.

    ``begin`` and ``end`` are called once each, right before and right after the inference, by ``caller``, which also
    calls ``entry``. ``entry`` calls the functions that do the steps, which ``steps`` has by number. Nothing of
    ``begin``, ``end`` and ``caller`` counts.
    """

    entry: str
    steps: Mapping[int, str]
    begin: str = "bench_begin"
    end: str = "bench_end"
    caller: str = "main"

    @classmethod
    def of_network(cls, name: str, steps: int) -> "Marks":
        """Those of the bare image of the network ``name`` with ``steps`` steps."""
        return cls(f"{name}_run", {number: f"{name}_step_{number}" for number in range(steps)})


def trace_in_qemu(
    elf: Path,
    program: Program,
    machine: str,
    marks: Marks,
    *,
    arguments: Sequence[str] = (),
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> Trace:
    """Runs ``elf``, whose code is ``program``, on QEMU's ``machine``: what its one inference executed.

    The image ends the emulation itself (semihosting). Two runs give the same trace.

    Raises ToolError where QEMU or the host's compiler is missing, DeviceError where the image stops early, does not
    stop or never passes the marks, and InternalError where the image lacks one of the functions.
    """
    qemu = require("qemu-system-arm")
    specification = _specification(elf, program, marks)
    plugin = plugin_library()
    with tempfile.TemporaryDirectory(prefix="tinybayes-") as work:
        spec, out = Path(work) / "spec", Path(work) / "out"
        spec.write_text(specification)
        command: list[str | Path] = [qemu, "-M", machine, *arguments, "-display", "none", "-monitor", "none"]
        command += ["-serial", "null", "-semihosting-config", "enable=on,target=native", "-kernel", elf]
        command += ["-plugin", f"file={_escaped(plugin)},spec={_escaped(spec)},out={_escaped(out)}"]
        _run(command, elf, machine, timeout_seconds)
        counts = out.read_text() if out.is_file() else ""
    return _read_counts(counts, elf, program, marks)


def _escaped(path: Path) -> str:
    """QEMU separates options by commas; a doubled one stands for itself."""
    return str(path).replace(",", ",,")


def _specification(elf: Path, program: Program, marks: Marks) -> str:
    functions = function_ranges(elf)
    single = {"begin": marks.begin, "end": marks.end, "outside": marks.caller, "entry": marks.entry}
    wanted = [*single.values(), *marks.steps.values()]
    for name in wanted:
        if functions.get(name, (0, 0))[1] == 0:
            raise InternalError(f"{elf} has no function {name}, so its instructions cannot be told from others'")
    starts = {functions[name][0] for name in wanted}
    if len(starts) != len(wanted):
        raise InternalError(f"{elf}: some of {', '.join(wanted)} are the same code, so they cannot be told apart")
    lines = [_range_line(what, *functions[name]) for what, name in single.items()]
    lines.append("flash {:x} {:x}".format(*constant_range(elf)))
    lines += [f"step {number} {functions[name][0]:x}" for number, name in marks.steps.items()]
    for one in program.instructions.values():
        if one.kind in LOADS or one.kind in STORES or one.kind is Kind.BRANCH_TABLE:
            lines.append(f"{'probe' if _may_load_constants(one) else 'access'} {one.address:x}")
    return "\n".join(lines) + "\n"


def _may_load_constants(instruction: Instruction) -> bool:
    """Whether only a run tells if it reads flash: the stack is never there, and a pool of literals always is."""
    return instruction.kind in LOADS and not instruction.address_registers & {"sp", "pc"}


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


@dataclass
class _Counts:
    """What the plugin wrote for one owner."""

    loads: int = 0
    stores: int = 0
    executed: dict[int, int] = field(default_factory=dict)
    edges: dict[tuple[int, int], int] = field(default_factory=dict)
    flash: dict[int, int] = field(default_factory=dict)

    def take(self, what: str, values: list[str], program: Program) -> None:
        if what == "block":
            for address in values[1:]:
                at = int(address, 16)
                self.executed[at] = self.executed.get(at, 0) + int(values[0])
        elif what == "edge":
            source, target = int(values[0], 16), int(values[1], 16)
            # QEMU cuts blocks at other places than branches too: then control only went on.
            if program.at(source).end != target:
                self.edges[source, target] = self.edges.get((source, target), 0) + int(values[2])
        else:
            at = int(values[0], 16)
            if program.at(at).kind in STORES:
                self.stores += int(values[1])
            else:
                self.loads += int(values[1])
            literal = "pc" in program.at(at).address_registers
            flash_bytes = int(values[1]) * program.at(at).access_bytes if literal else int(values[2])
            if flash_bytes:
                self.flash[at] = flash_bytes

    def trace(self) -> StepTrace:
        return StepTrace(
            executed=MappingProxyType(dict(sorted(self.executed.items()))),
            edges=MappingProxyType(dict(sorted(self.edges.items()))),
            flash_load_bytes=MappingProxyType(dict(sorted(self.flash.items()))),
            loads=self.loads,
            stores=self.stores,
        )


def _read_counts(counts: str, elf: Path, program: Program, marks: Marks) -> Trace:
    lines = counts.splitlines()
    if not lines or lines[-1] != "complete":
        raise DeviceError(f"QEMU's plugin left no counts for {elf}; is the disk of the temporary directory full?")
    windows = int(lines[0].split()[1])
    if windows != 1:
        raise DeviceError(
            f"{elf} went from {marks.begin} to {marks.end} {windows} times; it should do so once and then stop"
        )
    owners: dict[int, _Counts] = {}
    current = _Counts()
    for line in lines[1:-1]:
        what, *values = line.split()
        if what == "owner":
            current = owners[int(values[0])] = _Counts()
        else:
            current.take(what, values, program)
    if set(owners) != {_ENTRY, *marks.steps}:
        raise InternalError(f"the plugin counted for {sorted(owners)}, not for the entry and {sorted(marks.steps)}")
    return Trace(
        steps=MappingProxyType({number: owners[number].trace() for number in sorted(marks.steps)}),
        entry=owners[_ENTRY].trace(),
    )
