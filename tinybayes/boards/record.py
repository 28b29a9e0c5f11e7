"""What is known about a board and its chip, as frozen records."""

from dataclasses import dataclass

from tinybayes.boards.cores import Core


@dataclass(frozen=True)
class Region:
    """A range of memory; ``kind`` is ``"flash"`` or ``"ram"``."""

    name: str
    kind: str
    origin: int
    size_bytes: int

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.origin + self.size_bytes


@dataclass(frozen=True)
class FlashTiming:
    """How the core reads the flash at ``Chip.clock_hz``.

    A read of ``read_bits`` takes ``wait_states`` cycles more than one from RAM, unless it is prefetched or lies in
    the cache of ``cache_lines`` lines of ``cache_line_bytes`` each; both are 0 where there is no cache.
    """

    read_bits: int
    wait_states: int
    prefetch: bool
    cache_line_bytes: int
    cache_lines: int


@dataclass(frozen=True)
class ChipTimer:
    """A timer outside of the core that can count cycles: where it is, and how fast it counts."""

    base: int
    clock_hz: int


@dataclass(frozen=True)
class Chip:
    """A chip: its core, its clock as the firmware runs it, its memories, and the two that images are linked to.

    ``fpu`` is the core's floating-point unit, or ``"none"`` where the chip was made without it. ``cycle_counters``
    names, best first, what the firmware may count cycles with; it takes the first that counts. ``cycle_timer`` is
    there where one of them is a timer of the chip.
    """

    name: str
    title: str
    core: Core
    fpu: str
    clock_hz: int
    regions: tuple[Region, ...]
    flash: Region
    ram: Region
    flash_timing: FlashTiming
    cycle_counters: tuple[str, ...]
    cycle_timer: ChipTimer | None

    @property
    def gcc_flags(self) -> tuple[str, ...]:
        """The compiler flags that select the core as this chip has it."""
        return self.core.gcc_flags if self.fpu == self.core.fpu else self.core.gcc_flags_without_fpu


@dataclass(frozen=True)
class Uart:
    """The serial port that the device protocol uses; ``driver`` names ``firmware/uart_<driver>.c``.

    ``receive_irq`` is the number of its receive interrupt, counted from 0 behind the core's own exceptions.
    """

    driver: str
    base: int
    clock_hz: int
    baud: int
    receive_irq: int


@dataclass(frozen=True)
class Qemu:
    """How QEMU emulates the board."""

    machine: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """A board. ``tier`` 1 is tested wholly on every change, 2 in part, 3 is only built.

    ``stack_bytes`` is reserved for the stack; ``link_request_bytes`` is the longest request, without header and
    checksum, that the device side of the protocol takes.
    """

    name: str
    title: str
    vendor: str
    chip: Chip
    tier: int
    stack_bytes: int
    link_request_bytes: int
    uart: Uart
    qemu: Qemu | None

    @property
    def core(self) -> str:
        """The core's name, ``"cortex-m4"``."""
        return self.chip.core.name

    @property
    def gcc_flags(self) -> tuple[str, ...]:
        """The compiler flags that select the core as the chip has it."""
        return self.chip.gcc_flags

    @property
    def clock_hz(self) -> int:
        """The core's clock in hertz."""
        return self.chip.clock_hz

    @property
    def flash(self) -> Region:
        """The memory that code and constants are linked to."""
        return self.chip.flash

    @property
    def ram(self) -> Region:
        """The memory that variables and the stack are linked to."""
        return self.chip.ram

    @property
    def emulated(self) -> bool:
        """Whether QEMU has a machine for it."""
        return self.qemu is not None
