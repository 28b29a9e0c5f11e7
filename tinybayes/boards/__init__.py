"""Board and chip records: data in ``boards/*.toml`` behind a closed schema."""

from tinybayes.boards.cores import CORES, Core
from tinybayes.boards.load import list_boards, load_board
from tinybayes.boards.record import Board, Chip, Qemu, Region, Uart
from tinybayes.boards.target import CoreTarget, Target, emulated_board_like, list_targets, load_target

__all__ = [
    "CORES",
    "Board",
    "Chip",
    "Core",
    "CoreTarget",
    "Qemu",
    "Region",
    "Target",
    "Uart",
    "emulated_board_like",
    "list_boards",
    "list_targets",
    "load_board",
    "load_target",
]
