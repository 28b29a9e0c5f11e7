"""Reads and checks the board and chip files in ``boards/``."""

from itertools import pairwise
from pathlib import Path

from tinybayes.assets import asset_directory
from tinybayes.boards.boot_loader import take_boot_loader
from tinybayes.boards.cores import CORES, Core
from tinybayes.boards.flashing import take_flashing
from tinybayes.boards.record import Board, Chip, ChipTimer, FlashTiming, Qemu, Region, Uart
from tinybayes.boards.schema import Table
from tinybayes.boards.setup import take_setup
from tinybayes.errors import BoardError, did_you_mean

CYCLE_COUNTERS = ("dwt", "systick", "nrf_timer")
"""What can count cycles: the core's own DWT and SysTick, and the timers of chips, which are at an address."""

_CHIP_TIMERS = frozenset({"nrf_timer"})

IMAGE_HEADERS = ("none", "rp2040_boot2", "rp2350_image_def")
"""What a boot ROM may want to find in an image."""

_ADDRESS_SPACE_BYTES = 1 << 32
_LOWEST_UART_DIVISOR = 16
_LEAST_STACK_BYTES = 768  # 512 for the report of a fault (firmware/fault.c), beside what was there when it came
# VTOR's lowest bits are zero: 7 of them, more where a chip has more than 16 interrupts.
_VECTOR_TABLE_ALIGNMENT_BYTES = 1024


def list_boards(directory: Path | None = None) -> tuple[str, ...]:
    """The names of all boards, sorted."""
    return tuple(sorted(path.stem for path in (directory or asset_directory("boards")).glob("*.toml")))


def uart_drivers() -> tuple[str, ...]:
    """The serial ports there is a driver for: every ``<driver>`` with a file ``firmware/uart_<driver>.c``."""
    return tuple(sorted(path.stem.removeprefix("uart_") for path in asset_directory("firmware").glob("uart_*.c")))


def load_board(name: str, directory: Path | None = None) -> Board:
    """The board ``name``, from ``directory`` or the boards that come with tinybayes.

    Raises BoardError where there is no such board (with the nearest names), or where its file or its chip's has
    an unknown or missing key, a value of a wrong type or out of range, or memories that contradict each other.
    """
    root = directory or asset_directory("boards")
    known = list_boards(root)
    if name not in known:
        raise BoardError(
            f"there is no board {name!r}.{did_you_mean(name, known)} `tinybayes boards` lists all of them."
        )
    table = Table.read(root / f"{name}.toml")
    title = table.take_text("title")
    vendor = table.take_text("vendor")
    chips = sorted(path.stem for path in (root / "chips").glob("*.toml"))
    chip = _load_chip(root / "chips" / f"{table.take_text('chip', chips)}.toml")
    board = Board(
        name=name,
        title=title,
        vendor=vendor,
        chip=chip,
        tier=table.take_integer("tier", 1, 3, sourced=False),
        stack_bytes=table.take_integer("stack_bytes", _LEAST_STACK_BYTES, chip.ram.size_bytes, sourced=False),
        link_request_bytes=table.take_integer("link_request_bytes", 64, min(65535, chip.ram.size_bytes), sourced=False),
        uart=_uart(table.take_table("uart")),
        qemu=_qemu(table.take_table("qemu")) if table.has("qemu") else None,
        setup=take_setup(table),
        boot_loader_bytes=_boot_loader_bytes(table, chip.flash),
        boot_loader=take_boot_loader(table) or chip.boot_loader,
        flashing=take_flashing(table),
    )
    table.finish()
    if board.stack_bytes % 8:
        raise table.error("stack_bytes", f"got {board.stack_bytes}, wanted a multiple of 8")
    return board


def _boot_loader_bytes(table: Table, flash: Region) -> int:
    if not table.has("boot_loader_bytes"):
        return 0
    taken = table.take_integer("boot_loader_bytes", 0, flash.size_bytes - 1)
    if taken % _VECTOR_TABLE_ALIGNMENT_BYTES:
        raise table.error("boot_loader_bytes", f"got {taken}, wanted a multiple of {_VECTOR_TABLE_ALIGNMENT_BYTES}")
    return taken


def _load_chip(path: Path) -> Chip:
    table = Table.read(path)
    title = table.take_text("title")
    core = CORES[table.take_text("core", CORES)]
    fpu = table.take_text("fpu")
    if fpu not in {core.fpu, "none"}:
        raise table.error("fpu", f"got {fpu!r}, but {core.name} has {core.fpu!r} or 'none'")
    clock_hz = table.take_integer("clock_hz", 1, 2_000_000_000)
    region_tables = table.take_table("regions")
    regions = tuple(_region(name, region_tables.take_table(name)) for name in region_tables.names())
    _refuse_overlap(region_tables, regions)
    memory = table.take_table("memory")
    flash = _role(memory, "flash", regions)
    ram = _role(memory, "ram", regions)
    flash_timing = _flash_timing(table.take_table("flash_timing"))
    cycle_counters = table.take_texts("cycle_counters", CYCLE_COUNTERS)
    if not cycle_counters or len(set(cycle_counters)) != len(cycle_counters):
        raise table.error("cycle_counters", f"got {list(cycle_counters)}, wanted at least one, and each but once")
    if "dwt" in cycle_counters and core.architecture == "armv6-m":
        raise table.error("cycle_counters", f"got 'dwt', which {core.name} does not have")
    cycle_timer = _cycle_timer(table.take_table("cycle_timer")) if _CHIP_TIMERS & set(cycle_counters) else None
    setup = take_setup(table)
    image_header = table.take_text("image_header", IMAGE_HEADERS) if table.has("image_header") else "none"
    multiplier_cycles = _multiplier_cycles(table, core) if table.has("multiplier_cycles") else 1
    boot_loader = take_boot_loader(table)
    table.finish()
    return Chip(
        path.stem, title, core, fpu, clock_hz, regions, flash, ram, flash_timing, cycle_counters, cycle_timer,
        setup, image_header, multiplier_cycles, boot_loader,
    )  # fmt: skip


def _multiplier_cycles(table: Table, core: Core) -> int:
    cycles = table.take_integer("multiplier_cycles", 1, 32)
    if cycles not in (1, 32):
        raise table.error("multiplier_cycles", f"got {cycles}, wanted 1 or 32")
    if cycles == 32 and core.architecture != "armv6-m":
        raise table.error("multiplier_cycles", f"got 32, but {core.name} has a fast multiplier only")
    return cycles


def _flash_timing(table: Table) -> FlashTiming:
    timing = FlashTiming(
        read_bits=table.take_integer("read_bits", 8, 512),
        wait_states=table.take_integer("wait_states", 0, 1023),
        prefetch=table.take_boolean("prefetch"),
        cache_line_bytes=table.take_integer("cache_line_bytes", 0, 1024),
        cache_lines=table.take_integer("cache_lines", 0, 65536),
    )
    if (timing.cache_line_bytes == 0) != (timing.cache_lines == 0):
        raise table.error(
            "cache_lines",
            f"got {timing.cache_lines} of {timing.cache_line_bytes} bytes, wanted both 0 (no cache) or neither",
        )
    return timing


def _cycle_timer(table: Table) -> ChipTimer:
    return ChipTimer(
        table.take_integer("base", 0, _ADDRESS_SPACE_BYTES - 1), table.take_integer("clock_hz", 1, 2_000_000_000)
    )


def _region(name: str, table: Table) -> Region:
    kind = table.take_text("kind", ("flash", "ram"))
    origin = table.take_integer("origin", 0, _ADDRESS_SPACE_BYTES - 1)
    return Region(name, kind, origin, table.take_integer("size_bytes", 1, _ADDRESS_SPACE_BYTES - origin))


def _refuse_overlap(table: Table, regions: tuple[Region, ...]) -> None:
    ordered = sorted(regions, key=lambda region: region.origin)
    for below, above in pairwise(ordered):
        if below.end > above.origin:
            raise table.error(
                above.name,
                f"starts at {above.origin:#010x}, inside {below.name}, which ends at {below.end:#010x}",
            )


def _role(table: Table, role: str, regions: tuple[Region, ...]) -> Region:
    by_name = {region.name: region for region in regions}
    region = by_name[table.take_text(role, by_name)]
    if region.kind != role:
        raise table.error(role, f"got {region.name!r}, which is {region.kind}, wanted a {role} region")
    return region


def _uart(table: Table) -> Uart:
    driver = table.take_text("driver", uart_drivers())
    base = table.take_integer("base", 0, _ADDRESS_SPACE_BYTES - 1)
    clock_hz = table.take_integer("clock_hz", 1, 2_000_000_000)
    uart = Uart(
        driver=driver,
        base=base,
        clock_hz=clock_hz,
        baud=table.take_integer("baud", 1200, 12_000_000),
        receive_irq=table.take_integer("receive_irq", 0, 479),
        reset_clock_hz=table.take_integer("reset_clock_hz", 1, clock_hz) if table.has("reset_clock_hz") else clock_hz,
        divisor_steps=table.take_integer("divisor_steps", 1, 256) if table.has("divisor_steps") else 1,
    )
    if uart.clock_hz // uart.baud < _LOWEST_UART_DIVISOR:
        raise table.error(
            "baud", f"got {uart.baud}, wanted at most clock_hz / {_LOWEST_UART_DIVISOR} ({uart.clock_hz // 16})"
        )
    return uart


def _qemu(table: Table) -> Qemu:
    return Qemu(table.take_text("machine"), table.take_texts("arguments"))
