"""The outside of a file: preamble, checksum, the packed JSON header and the payload."""

import struct
import zlib
from dataclasses import dataclass

from tinybayes.coding import deflate
from tinybayes.errors import FileFormatError
from tinybayes.tbn.limits import MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES

MAGIC = b"\x89TBN\r\n\x1a\n"
"""As PNG's: the first byte is no text, and the line ends show a transfer that converts them."""

FORMAT_VERSION = 1

# magic, version, reserved (0), packed header bytes, unpacked header bytes, payload bytes, CRC-32 of all other bytes
PREAMBLE = struct.Struct("<8sHHIIII")
_CRC_OFFSET = PREAMBLE.size - 4
MAX_FILE_BYTES = PREAMBLE.size + MAX_HEADER_BYTES + MAX_PAYLOAD_BYTES


class VersionError(FileFormatError):
    """The file is of another format version."""


@dataclass(frozen=True)
class Container:
    """An intact file taken apart: the header as UTF-8 JSON text, and the payload."""

    header: bytes
    payload: bytes


def pack(container: Container) -> bytes:
    """The bytes of a file; the same content always gives the same bytes."""
    header = deflate(container.header)
    sizes = len(header), len(container.header), len(container.payload)
    body = header + container.payload
    preamble = PREAMBLE.pack(MAGIC, FORMAT_VERSION, 0, *sizes, 0)
    checksum = checksum_of(preamble + body)
    return PREAMBLE.pack(MAGIC, FORMAT_VERSION, 0, *sizes, checksum) + body


def checksum_of(data: bytes) -> int:
    """CRC-32 of a whole file except the four bytes that hold it."""
    return zlib.crc32(data[PREAMBLE.size :], zlib.crc32(data[:_CRC_OFFSET]))


def unpack(data: bytes) -> Container:
    """Takes a file apart; FileFormatError names the offset and what is wrong there."""
    _check_kind(data)
    _, version, reserved, packed_bytes, header_bytes, payload_bytes, stored = PREAMBLE.unpack_from(data)
    computed = checksum_of(data)
    if version != FORMAT_VERSION:
        raise VersionError(_other_version(version, intact=computed == stored))
    wanted = PREAMBLE.size + packed_bytes + payload_bytes
    if len(data) != wanted:
        kind = "truncated" if len(data) < wanted else "followed by other bytes"
        raise FileFormatError(f"offset 12: the file is {kind}: it has {len(data)} bytes, its preamble says {wanted}")
    if computed != stored:
        raise FileFormatError(
            f"offset {_CRC_OFFSET}: damaged: the CRC-32 is {computed:#010x}, the preamble has {stored:#010x}"
        )
    if reserved:
        raise FileFormatError(f"offset 10: got {reserved} in a reserved field, wanted 0")
    for offset, what, size, limit in (
        (16, "unpacked header", header_bytes, MAX_HEADER_BYTES),
        (20, "payload", payload_bytes, MAX_PAYLOAD_BYTES),
    ):
        if size > limit:
            raise FileFormatError(f"offset {offset}: the {what} claims {size} bytes, the limit is {limit}")
    packed = data[PREAMBLE.size : PREAMBLE.size + packed_bytes]
    return Container(_inflate(packed, header_bytes), data[PREAMBLE.size + packed_bytes :])


def _check_kind(data: bytes) -> None:
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise FileFormatError(f"offset 0: not a compressed network: begins with {data[:8]!r}, wanted {MAGIC!r}")
    if len(data) < PREAMBLE.size:
        raise FileFormatError(
            f"the file is truncated: it has {len(data)} bytes, the preamble alone has {PREAMBLE.size}"
        )


def _other_version(version: int, *, intact: bool) -> str:
    state = "" if intact else " (the checksum does not hold either, so the file may just be damaged)"
    todo = "upgrade tinybayes" if version > FORMAT_VERSION else "make the file anew"
    return (
        f"offset 8: the file has format version {version}{state}, this tinybayes reads version {FORMAT_VERSION}: {todo}"
    )


def _inflate(packed: bytes, header_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        header = inflater.decompress(packed, header_bytes + 1)
    except zlib.error as error:
        raise FileFormatError(f"offset {PREAMBLE.size}: the header does not unpack: {error}") from None
    if len(header) != header_bytes or not inflater.eof or inflater.unused_data:
        raise FileFormatError(
            f"offset {PREAMBLE.size}: the header does not unpack to the {header_bytes} bytes that the preamble says"
        )
    return header
