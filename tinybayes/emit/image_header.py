"""What the boot ROMs of some chips want to find in an image before they start it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tinybayes.errors import InternalError

BOOT2_BYTES = 256
_CRC_POLYNOMIAL = 0x04C1_1DB7


@dataclass(frozen=True)
class Row:
    """Bytes that belong together, little-endian, and what they are."""

    content: bytes
    comment: str

    @property
    def c_values(self) -> tuple[str, ...]:
        """The bytes as C writes them."""
        return tuple(f"0x{byte:02X}" for byte in self.content)


@dataclass(frozen=True)
class ImageHeader:
    """Constant bytes for a section of their own, which ``firmware/sections.ld`` puts in its place."""

    section: str
    title: str
    rows: tuple[Row, ...]

    @property
    def content(self) -> bytes:
        """All bytes of the section."""
        return b"".join(row.content for row in self.rows)


def boot_crc32(data: bytes) -> int:
    """The checksum of RP2040's boot ROM: CRC-32, not reflected, from 0xFFFFFFFF, without a final inversion.

    Source: RP2040 Datasheet, 2.8.1.3.1.
    """
    remainder = 0xFFFF_FFFF
    for byte in data:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1) ^ (_CRC_POLYNOMIAL if remainder >> 31 else 0)
            remainder &= 0xFFFF_FFFF
    return remainder


# The machine code, in Armv6-M's Thumb; a test holds it against what the assembler makes of the second column. It runs
# from RAM, wherever the boot ROM has put it, with the flash interface (SSI) set up for slow reads, and needs no stack.
# Registers and fields: RP2040 Datasheet, 4.10.13 (SSI), 2.4.8 (VTOR), 2.8.1.3 (what is asked of this code).
_BOOT2_CODE: tuple[tuple[int, str, str], ...] = (
    (0x480A, "ldr r0, [pc, #40]", "r0: base of the SSI"),
    (0x2100, "movs r1, #0", ""),
    (0x6081, "str r1, [r0, #8]", "SSIENR: off, so that it can be configured"),
    (0x2204, "movs r2, #4", ""),
    (0x6142, "str r2, [r0, #20]", "BAUDR: the system clock by 4"),
    (0x4A09, "ldr r2, [pc, #36]", ""),
    (0x6002, "str r2, [r0, #0]", "CTRLR0: frames of 32 bits on one line, sent, then received"),
    (0x6041, "str r1, [r0, #4]", "CTRLR1: one frame for each read"),
    (0x4A08, "ldr r2, [pc, #32]", ""),
    (0x23F4, "movs r3, #244", ""),
    (0x50C2, "str r2, [r0, r3]", "SPI_CTRLR0: 8 bits of command, 03h, and 24 bits of address, on one line"),
    (0x2101, "movs r1, #1", ""),
    (0x6081, "str r1, [r0, #8]", "SSIENR: on; from here on flash is memory"),
    (0x4807, "ldr r0, [pc, #28]", "r0: the vector table, which follows this block"),
    (0x4907, "ldr r1, [pc, #28]", ""),
    (0x6008, "str r0, [r1, #0]", "VTOR"),
    (0x6801, "ldr r1, [r0, #0]", ""),
    (0x6842, "ldr r2, [r0, #4]", ""),
    (0x8808_F381, "msr MSP, r1", ""),
    (0x4710, "bx r2", "to the reset handler"),
    (0x46C0, "nop", "keeps the words below aligned"),
)
_BOOT2_WORDS: tuple[tuple[int, str], ...] = (
    (0x1800_0000, "XIP_SSI_BASE"),
    (0x001F_0300, "CTRLR0: DFS_32 = 31, TMOD = EEPROM_READ, SPI_FRF = STD"),
    (0x0300_0218, "SPI_CTRLR0: XIP_CMD = 03h, INST_L = 8 bits, ADDR_L = 24 bits, TRANS_TYPE = 1C1A"),
    (0x1000_0100, "XIP_BASE + 256"),
    (0xE000_ED08, "VTOR"),
)


def _rp2040_boot2() -> ImageHeader:
    rows = [
        Row(code.to_bytes(4 if code >> 16 else 2, "little"), f"{text:<20}{what}".strip())
        for code, text, what in _BOOT2_CODE
    ]
    rows += [Row(word.to_bytes(4, "little"), what) for word, what in _BOOT2_WORDS]
    return ImageHeader(
        section=".boot2",
        title="Second stage of RP2040's boot: makes the flash readable as memory by the plain read command (03h)",
        rows=_checked(rows),
    )


def _checked(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows filled up to 252 bytes, and the checksum over these."""
    code = b"".join(row.content for row in rows)
    left = BOOT2_BYTES - 4 - len(code)
    if left < 0:
        raise InternalError(f"the second stage of the boot takes {len(code)} bytes, wanted at most {BOOT2_BYTES - 4}")
    checksum = boot_crc32(code + bytes(left)).to_bytes(4, "little")
    return (*rows, Row(bytes(left), "not used"), Row(checksum, "checksum of all that stands before it"))


def _rp2350_image_def() -> ImageHeader:
    words = (
        (0xFFFF_DED3, "PICOBIN_BLOCK_MARKER_START"),
        (0x1021_0142, "item IMAGE_TYPE, 1 word: an executable, for Arm, in the secure state, for RP2350"),
        (0x0000_01FF, "item LAST: 1 word of items before it"),
        (0x0000_0000, "the next block is this one"),
        (0xAB12_3579, "PICOBIN_BLOCK_MARKER_END"),
    )
    return ImageHeader(
        section=".image_def",
        title="By this block RP2350's boot ROM knows an image (RP2350 Datasheet, 5.9.5.1: Minimum Arm IMAGE_DEF)",
        rows=tuple(Row(word.to_bytes(4, "little"), what) for word, what in words),
    )


IMAGE_HEADERS: Mapping[str, ImageHeader] = MappingProxyType(
    {"rp2040_boot2": _rp2040_boot2(), "rp2350_image_def": _rp2350_image_def()}
)
"""By the name that a chip's file gives."""
