"""Board and chip records: data in ``boards/*.toml`` behind a closed schema."""

from tinybayes.boards.cores import CORES, Core
from tinybayes.boards.load import list_boards, load_board
from tinybayes.boards.record import Board, Chip, ChipTimer, FlashTiming, Qemu, Region, SetupStep, Uart

__all__ = [
    "CORES",
    "Board",
    "Chip",
    "ChipTimer",
    "Core",
    "FlashTiming",
    "Qemu",
    "Region",
    "SetupStep",
    "Uart",
    "list_boards",
    "load_board",
]
