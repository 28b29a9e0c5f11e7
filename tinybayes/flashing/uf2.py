"""UF2 files, as the boot loaders of some chips take them (github.com/microsoft/uf2, README: File format)."""

import struct
from dataclasses import dataclass

from tinybayes.errors import InternalError

BLOCK_BYTES = 512
PAYLOAD_BYTES = 256
_HEADER = struct.Struct("<8I")
_MAGIC_START = (0x0A324655, 0x9E5D5157)
_MAGIC_END = struct.pack("<I", 0x0AB16F30)
_FAMILY_ID_PRESENT = 0x2000
_DATA_BYTES = BLOCK_BYTES - _HEADER.size - len(_MAGIC_END)


@dataclass(frozen=True)
class Uf2Image:
    """What a UF2 file holds: ``image`` from ``address`` on, for chips of the family ``family_id``."""

    address: int
    image: bytes
    family_id: int


def make_uf2(image: bytes, address: int, family_id: int) -> bytes:
    """Blocks of 512 bytes that put ``image`` at ``address`` of a chip of the family ``family_id``.

    Every block carries 256 bytes, a page of the chips' flash, and their addresses are multiples of that; the last one
    is filled up with zeros, as the RP2040 takes no part of a page. Raises InternalError where there is nothing to
    write or ``address`` is no start of a page.
    """
    if not image or address % PAYLOAD_BYTES:
        raise InternalError(f"an image of {len(image)} bytes at {address:#x} cannot be made into UF2")
    count = -(-len(image) // PAYLOAD_BYTES)
    blocks = bytearray()
    for number in range(count):
        offset = number * PAYLOAD_BYTES
        payload = image[offset : offset + PAYLOAD_BYTES].ljust(PAYLOAD_BYTES, b"\0")
        blocks += _HEADER.pack(
            *_MAGIC_START, _FAMILY_ID_PRESENT, address + offset, PAYLOAD_BYTES, number, count, family_id
        )
        blocks += payload.ljust(_DATA_BYTES, b"\0") + _MAGIC_END
    return bytes(blocks)


def read_uf2(data: bytes) -> Uf2Image | None:
    """What is in a file; None where it is not whole, has gaps, or is no UF2 file at all."""
    image = bytearray()
    first: tuple[int, int, int] | None = None  # address, blocks, family
    for number in range(len(data) // BLOCK_BYTES):
        block = data[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]
        *magic, flags, address, length, index, count, family = _HEADER.unpack_from(block)
        first = first or (address, count, family)
        right = tuple(magic) == _MAGIC_START and block.endswith(_MAGIC_END) and bool(flags & _FAMILY_ID_PRESENT)
        expected = (first[0] + len(image), number, first[1], first[2])
        if not right or length > _DATA_BYTES or (address, index, count, family) != expected:
            return None
        image += block[_HEADER.size : _HEADER.size + length]
    if first is None or len(data) != first[1] * BLOCK_BYTES:
        return None
    return Uf2Image(first[0], bytes(image), first[2])
