"""The payload: sections one after another, each described by a record of the JSON header."""

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes.coding import BitReader, BitWriter
from tinybayes.errors import FileFormatError
from tinybayes.tbn.fields import Fields

Record = dict[str, Any]


class PayloadWriter:
    """Collects sections; each ``add`` returns the record that describes the section."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, section: bytes) -> None:
        """Appends a section."""
        self.data += section

    def add_integers(self, values: npt.NDArray[Any]) -> Record:
        """Integers that fit int32, in the fewest bits (two's complement) that hold them after a common right shift."""
        numbers = [int(v) for v in values]
        shift = min(((v & -v).bit_length() - 1 for v in numbers if v), default=0)
        bits = max(((v >> shift if v >= 0 else ~(v >> shift)).bit_length() + 1 for v in numbers if v), default=0)
        writer = BitWriter()
        for v in numbers:
            writer.write((v >> shift) & ((1 << bits) - 1), bits)
        self.add(writer.getvalue())
        return {"bits": bits, "count": len(numbers), "shift": shift}

    def add_reals(self, values: npt.NDArray[Any]) -> Record:
        """Real numbers as little-endian float32 where that is exact, otherwise float64."""
        with np.errstate(over="ignore"):
            exact = bool(np.array_equal(values.astype("<f4").astype("<f8"), values.astype("<f8")))
        self.add(values.astype("<f4" if exact else "<f8").tobytes())
        return {"bits": 32 if exact else 64, "count": int(values.size)}


class PayloadReader:
    """Takes sections in the order they were added; FileFormatError when a record claims more than there is."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    @property
    def bytes_left(self) -> int:
        """Bytes not taken yet."""
        return len(self._data) - self._offset

    def take(self, size_bytes: int, where: str) -> bytes:
        """The next section."""
        if size_bytes > self.bytes_left:
            raise FileFormatError(
                f"{where}: claims {size_bytes} bytes at payload offset {self._offset}, {self.bytes_left} are left"
            )
        section = self._data[self._offset : self._offset + size_bytes]
        self._offset += size_bytes
        return section

    def take_integers(self, owner: Fields, key: str, counts: Collection[int]) -> npt.NDArray[np.int32]:
        """The int32 numbers that ``add_integers`` wrote; ``counts`` are the allowed lengths."""
        fields = owner.record(key, ("bits", "count", "shift"))
        count = counted(fields, counts)
        bits, shift = fields.integer("bits", 0, 32), fields.integer("shift", 0, 31)
        if bits + shift > 32:
            raise fields.fail("shift", f"at most {32 - bits}, so that numbers of {bits} bits fit 32")
        section = self.take((count * bits + 7) // 8, fields.where)
        if bits == 0:
            return np.zeros(count, dtype=np.int32)
        reader, sign = BitReader(section), 1 << (bits - 1)
        values = [((reader.read(bits) ^ sign) - sign) << shift for _ in range(count)]
        check_padding(reader, fields.where)
        return np.array(values, dtype=np.int32)

    def take_reals(self, owner: Fields, key: str, counts: Collection[int]) -> npt.NDArray[np.float64]:
        """The finite float64 numbers that ``add_reals`` wrote; ``counts`` are the allowed lengths."""
        fields = owner.record(key, ("bits", "count"))
        count = counted(fields, counts)
        bits = fields.integer("bits", 32, 64)
        if bits not in (32, 64):
            raise fields.fail("bits", "32 or 64")
        section = self.take(count * bits // 8, fields.where)
        values = np.frombuffer(section, dtype="<f4" if bits == 32 else "<f8")
        # Checked before it is widened: numpy warns when a signalling NaN is converted.
        if not bool(np.isfinite(values).all()):
            raise FileFormatError(f"{fields.where}: got a number that is not finite")
        return values.astype(np.float64)


def counted(fields: Fields, counts: Collection[int]) -> int:
    """``count`` of a record, one of ``counts``."""
    count = fields.integer("count", 0, max(counts))
    if count not in counts:
        raise fields.fail("count", " or ".join(str(c) for c in sorted(set(counts))))
    return count


def check_padding(reader: BitReader, where: str) -> None:
    """FileFormatError unless only zero bits of the last byte are left."""
    left = reader.bits_left
    if left >= 8 or reader.peek(left):
        raise FileFormatError(f"{where}: {left} bits are left behind the last symbol, wanted less than 8, all zero")
