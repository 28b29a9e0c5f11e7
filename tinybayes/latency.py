"""Traces a network in QEMU for any board, also one that QEMU does not emulate, and for every core."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from tinybayes.boards import CORES, Board, Target, load_board
from tinybayes.build.cmake import build_firmware
from tinybayes.emit.directory import write_files
from tinybayes.emit.firmware import firmware_files
from tinybayes.emit.network import network_files
from tinybayes.plan import Plan
from tinybayes.timing.cores import model_of
from tinybayes.timing.emulate import Marks, trace_in_qemu
from tinybayes.timing.model import TraceCycles, cycles
from tinybayes.timing.program import Program
from tinybayes.timing.trace import Trace

_MACHINES: Mapping[str, str] = MappingProxyType(
    {
        "cortex-m0": "mps2-an385",
        "cortex-m0plus": "mps2-an385",
        "cortex-m3": "mps2-an385",
        "cortex-m4": "mps2-an386",
        "cortex-m7": "mps2-an500",
        "cortex-m33": "mps2-an505",
        "cortex-m55": "mps3-an547",
    }
)
"""By core, the emulated board with the most memory that executes all its instructions. QEMU has no large M0."""

_REFERENCE_BOARDS: Mapping[str, str] = MappingProxyType(
    {
        "cortex-m0": "microbit",
        "cortex-m0plus": "nucleo-g071rb",
        "cortex-m3": "stm32vldiscovery",
        "cortex-m4": "nucleo-f446re",
        "cortex-m7": "nucleo-h743zi",
        "cortex-m33": "nucleo-u575zi-q",
        "cortex-m55": "mps3-an547",
    }
)
"""By core, the board whose clock and flash stand for it where cores are compared."""


@dataclass(frozen=True)
class Traced:
    """A network's code as compiled for a board, and what one inference executed."""

    program: Program
    trace: Trace

    def cost_on(self, board: Board) -> TraceCycles:
        """What the inference costs on ``board``, which has the core that the code was compiled for."""
        return cycles(
            self.program, self.trace, model_of(board.core, board.chip.multiplier_cycles), board.chip.flash_timing
        )


def boards_of_cores(target: Target) -> tuple[Board, ...]:
    """One board for each core, in the order of cores: ``target`` for its own where it is a board."""
    own = {target.core: target} if isinstance(target, Board) else {}
    return tuple(own.get(core) or load_board(_REFERENCE_BOARDS[core]) for core in CORES)


def trace_in_emulation(directory: Path, name: str, plan: Plan, digest: bytes, board: Board) -> Traced:
    """Builds the bare image of the network for ``board`` and traces one inference in QEMU.

    ``directory`` holds the project of the network ``name``; its own image is used where QEMU emulates that board.
    Elsewhere the network is built with the compiler flags of ``board`` for an emulated board of the same core, in a
    directory that is gone afterwards. Raises ToolError without the tools, DeviceError where QEMU fails.
    """
    if board.emulated and _is_project_of(directory, board):
        return _trace(build_firmware(directory, name, bench=True), name, plan, board)
    like = _like(board)
    with tempfile.TemporaryDirectory(prefix="tinybayes-") as work:
        project = Path(work) / "project"
        files: dict[str, str | bytes] = {
            **network_files(plan, name),
            **firmware_files(like, network_name=name, network_digest=digest, protocol="none"),
        }
        write_files(project, files)
        return _trace(build_firmware(project, name, bench=True), name, plan, like)


def _is_project_of(directory: Path, board: Board) -> bool:
    header = directory / "firmware" / "board.h"
    return header.is_file() and f'#define BOARD_NAME "{board.name}"' in header.read_text(encoding="utf-8")


def _like(board: Board) -> Board:
    """An emulated board with the compiler flags of ``board``."""
    machine = load_board(_MACHINES[board.core])
    return replace(machine, chip=replace(machine.chip, core=board.chip.core, fpu=board.chip.fpu))


def _trace(elf: Path, name: str, plan: Plan, board: Board) -> Traced:
    program = Program.load(elf, board.core)
    qemu = board.qemu
    assert qemu is not None, "only emulated boards are traced"
    marks = Marks.of_network(name, len(plan.steps))
    return Traced(program, trace_in_qemu(elf, program, qemu.machine, marks, arguments=qemu.arguments))
