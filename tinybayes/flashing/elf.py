"""What an ELF puts into flash, as one range of bytes and as Intel HEX."""

from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from tinybayes.errors import ToolError

_ROW_BYTES = 16
_DATA, _END, _UPPER_ADDRESS = 0, 1, 4


def flash_image(elf: Path) -> tuple[int, bytes]:
    """The lowest load address and all bytes from there on; gaps are zeros.

    Raises ToolError where the file is not there, is no ELF or loads nothing.
    """
    try:
        with elf.open("rb") as file:
            loaded = [
                (int(segment["p_paddr"]), segment.data())
                for segment in ELFFile(file).iter_segments()
                if segment["p_type"] == "PT_LOAD" and segment["p_filesz"] > 0
            ]
    except FileNotFoundError as error:
        raise ToolError(f"{elf} is not there; build it first with `tinybayes build`") from error
    except ELFError as error:
        raise ToolError(f"{elf} cannot be read: {error}; build it again with `tinybayes build`") from error
    if not loaded:
        raise ToolError(f"{elf} loads nothing into flash; build it again with `tinybayes build`")
    start = min(address for address, _ in loaded)
    image = bytearray(max(address + len(data) for address, data in loaded) - start)
    for address, data in loaded:
        image[address - start : address - start + len(data)] = data
    return start, bytes(image)


def intel_hex(address: int, image: bytes) -> str:
    """``image`` at ``address`` in the form of the Intel Hexadecimal Object File Format Specification, 1988."""
    rows, upper = [], None
    offset = 0
    while offset < len(image):
        at = address + offset
        if at >> 16 != upper:
            upper = at >> 16
            rows.append(_row(0, _UPPER_ADDRESS, upper.to_bytes(2, "big")))
        # A row does not reach over a border of 64 KB, where its 16-bit address would start anew.
        length = min(_ROW_BYTES, 0x10000 - (at & 0xFFFF))
        rows.append(_row(at & 0xFFFF, _DATA, image[offset : offset + length]))
        offset += length
    rows.append(_row(0, _END, b""))
    return "".join(rows)


def _row(address: int, kind: int, data: bytes) -> str:
    body = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return f":{(body + bytes([-sum(body) & 0xFF])).hex().upper()}\n"
