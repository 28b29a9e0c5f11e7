"""How an image hands over to a boot loader: what a chip's or a board's file says under ``[boot_loader]``."""

from collections.abc import Mapping
from types import MappingProxyType

from tinybayes.boards.record import BootLoader
from tinybayes.boards.schema import Table
from tinybayes.boards.setup import take_setup

METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"nrf_gpregret": ("magic",), "rp2040_rom": (), "rp2350_rom": (), "stm32_system_memory": ("address",)}
)
"""By method, which is ``firmware/boot_loader_<method>.c``, the numbers that it needs."""

_MOST = (1 << 32) - 1
_VECTOR_TABLE_ALIGNMENT_BYTES = 128  # VTOR has no lower bits (Armv7-M Architecture Reference Manual, B3.2.5)


def take_boot_loader(table: Table) -> BootLoader | None:
    """The boot loader in ``table``; None where it has none that an image can enter.

    Raises BoardError, naming file and key, for unknown, missing or wrong keys, and for numbers that the method does
    not need.
    """
    if not table.has("boot_loader"):
        return None
    child = table.take_table("boot_loader")
    method = child.take_text("method", METHODS)
    numbers = {key: child.take_integer(key, 0, _MOST, sourced=False) for key in METHODS[method]}
    setup = take_setup(child)
    address = numbers.get("address", 0)
    if address % _VECTOR_TABLE_ALIGNMENT_BYTES:
        raise child.error("address", f"got {address:#010x}, wanted a multiple of {_VECTOR_TABLE_ALIGNMENT_BYTES}")
    found = BootLoader(method, child.take_text("offers"), child.take_text("source"), setup=setup, **numbers)
    if setup and not found.at_reset:
        raise child.error("setup", f"method {method!r} carries out no steps, wanted none")
    return found
