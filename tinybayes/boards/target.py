"""What a network can be compiled for: a board, or a core alone for those who only want the library."""

from dataclasses import dataclass
from pathlib import Path

from tinybayes.boards.cores import CORES, Core
from tinybayes.boards.load import list_boards, load_board
from tinybayes.boards.record import Board
from tinybayes.errors import BoardError, did_you_mean


@dataclass(frozen=True)
class CoreTarget:
    """A core without a chip around it: no clock, no memories, no serial port, so a library but no firmware.

    ``tier`` is a board's: 2, because libraries are compiled for every core and run on the host, but on no device.
    """

    instruction_set: Core
    tier: int = 2

    @property
    def name(self) -> str:
        """What ``--board`` takes, ``"cortex-m4"``: the core's name."""
        return self.instruction_set.name

    @property
    def title(self) -> str:
        """The name for people."""
        return f"Arm Cortex-M{self.instruction_set.short_name[1:].replace('plus', '+')}, library only"

    @property
    def core(self) -> str:
        """The core's name."""
        return self.instruction_set.name

    @property
    def gcc_flags(self) -> tuple[str, ...]:
        """The compiler flags that select the core."""
        return self.instruction_set.gcc_flags

    @property
    def clock_hz(self) -> None:
        """There is no clock."""
        return

    @property
    def emulated(self) -> bool:
        """No machine is only a core."""
        return False


Target = Board | CoreTarget


def list_targets(directory: Path | None = None) -> tuple[str, ...]:
    """What ``--board`` takes: the boards, sorted, then the cores."""
    return (*list_boards(directory), *CORES)


def load_target(name: str, directory: Path | None = None) -> Target:
    """The board or the core ``name``.

    Raises BoardError where there is neither (with the nearest names), or where the board's file is wrong.
    """
    if name in list_boards(directory):
        return load_board(name, directory)
    if name in CORES:
        return CoreTarget(CORES[name])
    near = did_you_mean(name, list_targets(directory))
    raise BoardError(f"there is no board {name!r}.{near} `tinybayes boards` lists all of them.")


def emulated_board_like(core: str, directory: Path | None = None) -> Board | None:
    """A board that QEMU emulates with this core, else with one of the same instruction set, else None."""
    emulated = [board for board in (load_board(name, directory) for name in list_boards(directory)) if board.emulated]
    same = [board for board in emulated if board.core == core]
    alike = [board for board in emulated if CORES[board.core].architecture == CORES[core].architecture]
    return next(iter([*same, *alike]), None)
