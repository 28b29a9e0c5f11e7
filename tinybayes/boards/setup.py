"""Reads the register operations that bring a chip and a board up."""

from tinybayes.boards.record import SetupStep
from tinybayes.boards.schema import Table

_ADDRESS_SPACE_BYTES = 1 << 32
_WIDTHS_BITS = (8, 16, 32)
_MOST_READS = 1_000_000
_KEYS = {"change": ("clear", "set"), "write": ("write",), "wait": ("wait_mask", "wait_value"), "read": ("read_times",)}


def take_setup(table: Table) -> tuple[SetupStep, ...]:
    """The steps under ``[[setup]]``, in the file's order; none where there is no such key.

    Raises BoardError where a step has no source, does not do exactly one thing, or has a number that its register
    cannot hold.
    """
    return tuple(_step(step) for step in table.take_tables("setup")) if table.has("setup") else ()


def _step(table: Table) -> SetupStep:
    name = table.take_text("name")
    source = table.take_text("source")
    width_bits = table.take_integer("width_bits", 8, 32, sourced=False) if table.has("width_bits") else 32
    if width_bits not in _WIDTHS_BITS:
        raise table.error("width_bits", f"got {width_bits}, wanted one of 8, 16, 32")
    address = table.take_integer("address", 0, _ADDRESS_SPACE_BYTES - 1, sourced=False)
    if address % (width_bits // 8):
        raise table.error("address", f"got {address:#010x}, wanted a multiple of {width_bits // 8}")
    found = [operation for operation, keys in _KEYS.items() if any(table.has(key) for key in keys)]
    if len(found) != 1:
        wanted = "; ".join(" and ".join(keys) for keys in _KEYS.values())
        raise table.error("name", f"step {name!r} does {' and '.join(found) or 'nothing'}, wanted one of: {wanted}")
    most = (1 << width_bits) - 1

    def number(key: str, high: int = most) -> int:
        return table.take_integer(key, 0, high, sourced=False) if table.has(key) else 0

    if found == ["change"]:
        value = number("set")
        return SetupStep(name, source, "change", address, width_bits, number("clear") | value, value)
    if found == ["write"]:
        return SetupStep(name, source, "write", address, width_bits, most, number("write"))
    if found == ["read"]:
        return SetupStep(name, source, "read", address, width_bits, 0, number("read_times", _MOST_READS))
    mask, value = number("wait_mask"), number("wait_value")
    if not mask or value & ~mask:
        raise table.error("wait_value", f"got {value:#x}, which no value has in the bits of wait_mask, {mask:#x}")
    return SetupStep(name, source, "wait", address, width_bits, mask, value)
