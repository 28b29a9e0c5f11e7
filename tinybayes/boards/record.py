"""What is known about a board and its chip, as frozen records."""

from dataclasses import dataclass, replace

from tinybayes.boards.cores import Core
from tinybayes.boards.flashing import Flashing


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
class SetupStep:
    """One operation on one register at boot; ``source`` is the document it comes from.

    ``operation`` is ``"change"`` (the bits of ``mask`` become those of ``value``), ``"write"`` (the whole register
    becomes ``value`` and is not read before), ``"wait"`` (until the bits of ``mask`` are those of ``value``, or until
    too many polls) or ``"read"`` (the register is read ``value`` times, so that time passes).
    """

    name: str
    source: str
    operation: str
    address: int
    width_bits: int
    mask: int
    value: int


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
class BootLoader:
    """What an image can hand over to. ``method`` names ``firmware/boot_loader_<method>.c``,
    ``offers`` says what it can be spoken to by, ``source`` is the document that all this comes from.

    ``address`` is where its vectors lie, ``magic`` what it looks for after a reset; None where the method needs none.
    ``setup`` is carried out right before it is entered.
    """

    method: str
    offers: str
    source: str
    address: int | None = None
    magic: int | None = None
    setup: tuple[SetupStep, ...] = ()

    @property
    def at_reset(self) -> bool:
        """Whether it is entered by the reset handler, before anything has been set up."""
        return self.method == "stm32_system_memory"


@dataclass(frozen=True)
class Chip:
    """A chip: its core, its clock as the firmware runs it, its memories, and the two that images are linked to.

    ``fpu`` is the core's floating-point unit, or ``"none"`` where the chip was made without it. ``cycle_counters``
    names, best first, what the firmware may count cycles with; it takes the first that counts. ``cycle_timer`` is
    there where one of them is a timer of the chip. ``setup`` sets the clock; without it the chip runs as it comes out
    of reset. ``image_header`` names what the boot ROM wants to find in an image, or is ``"none"``.
    ``multiplier_cycles`` is what MULS takes: 1, or 32 where an Armv6-M core was made with the small multiplier.
    ``boot_loader`` is in the chip's ROM; None where there is none that an image can enter.
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
    setup: tuple[SetupStep, ...] = ()
    image_header: str = "none"
    multiplier_cycles: int = 1
    boot_loader: BootLoader | None = None

    @property
    def gcc_flags(self) -> tuple[str, ...]:
        """The compiler flags that select the core as this chip has it."""
        return self.core.gcc_flags if self.fpu == self.core.fpu else self.core.gcc_flags_without_fpu


@dataclass(frozen=True)
class Uart:
    """The serial port that the device protocol uses; ``driver`` names ``firmware/uart_<driver>.c``.

    ``receive_irq`` is the number of its receive interrupt, counted from 0 behind the core's own exceptions.
    ``reset_clock_hz`` is its clock where the chip's set-up has failed and the chip still runs as it came out of reset.
    ``divisor_steps`` is how many steps its baud divisor has for one clock.
    """

    driver: str
    base: int
    clock_hz: int
    baud: int
    receive_irq: int
    reset_clock_hz: int
    divisor_steps: int = 1


@dataclass(frozen=True)
class Qemu:
    """How QEMU emulates the board."""

    machine: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """A board. ``tier`` 1 is tested wholly on every change, 2 in part, 3 is only built.

    ``stack_bytes`` is reserved for the stack; ``link_request_bytes`` is the longest request, without header and
    checksum, that the device side of the protocol takes. ``setup`` follows the chip's and connects the pins.
    ``boot_loader_bytes`` at the start of flash belong to a boot loader that stays there. ``boot_loader`` is what an
    image can hand over to: the board's own, else the chip's. ``flashing`` is how images get onto it, the best way
    first; none for a board that exists in QEMU only.
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
    setup: tuple[SetupStep, ...] = ()
    boot_loader_bytes: int = 0
    boot_loader: BootLoader | None = None
    flashing: tuple[Flashing, ...] = ()

    @property
    def core(self) -> str:
        """The core's name, ``"cortex-m4"``."""
        return self.chip.core.name

    @property
    def gcc_flags(self) -> tuple[str, ...]:
        """The compiler flags that select the core as the chip has it."""
        return self.chip.gcc_flags

    @property
    def link_window_bytes(self) -> int:
        """Bytes that the firmware can hold until it has time for them: a longest request as it is on the line.

        To its payload come header and checksum (10 bytes), COBS (one byte, and one more for every 254), two delimiters.
        Rounded up to whole words: an odd number that code loads may also be the address of a function in Thumb code,
        and the bound of the stack must assume the worst.
        """
        framed = self.link_request_bytes + 10
        on_the_line = framed + framed // 254 + 1 + 2
        return -(-on_the_line // 4) * 4

    @property
    def clock_hz(self) -> int:
        """The core's clock in hertz."""
        return self.chip.clock_hz

    @property
    def flash(self) -> Region:
        """The memory that code and constants are linked to."""
        flash, taken = self.chip.flash, self.boot_loader_bytes
        return replace(flash, origin=flash.origin + taken, size_bytes=flash.size_bytes - taken)

    @property
    def ram(self) -> Region:
        """The memory that variables and the stack are linked to."""
        return self.chip.ram

    @property
    def setup_steps(self) -> tuple[SetupStep, ...]:
        """All register operations at boot: the chip's, then the board's."""
        return self.chip.setup + self.setup

    @property
    def emulated(self) -> bool:
        """Whether QEMU has a machine for it."""
        return self.qemu is not None
