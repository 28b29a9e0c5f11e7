"""Board and chip records: data in ``boards/*.toml`` behind a closed schema."""

from tinybayes.boards.cores import CORES, Core
from tinybayes.boards.load import list_boards, load_board
from tinybayes.boards.record import Board, BootLoader, Chip, ChipTimer, FlashTiming, Qemu, Region, SetupStep, Uart
from tinybayes.boards.target import CoreTarget, Target, emulated_board_like, list_targets, load_target

__all__ = [
    "CORES",
    "Board",
    "BootLoader",
    "Chip",
    "ChipTimer",
    "Core",
    "CoreTarget",
    "FlashTiming",
    "Qemu",
    "Region",
    "SetupStep",
    "Target",
    "Uart",
    "emulated_board_like",
    "list_boards",
    "list_targets",
    "load_board",
    "load_target",
]
