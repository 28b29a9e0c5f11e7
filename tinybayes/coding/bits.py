"""Bit streams, most significant bit first."""

_FLUSH_BITS = 256


class EndOfBitsError(ValueError):
    """A read wants more bits than are left."""


class BitWriter:
    """Collects unsigned fields into bytes; the first bit written is the top bit of the first byte."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._pending = 0
        self._pending_bits = 0

    @property
    def bit_length(self) -> int:
        """Bits written so far."""
        return 8 * len(self._bytes) + self._pending_bits

    def write(self, value: int, bits: int) -> None:
        """Appends ``value`` as ``bits`` bits; ValueError when it does not fit (a width of 0 takes the value 0)."""
        if bits < 0 or value < 0 or value >> bits:
            raise ValueError(f"{value} does not fit {bits} bits")
        self._pending = (self._pending << bits) | value
        self._pending_bits += bits
        if self._pending_bits >= _FLUSH_BITS:
            rest = self._pending_bits & 7
            self._bytes += (self._pending >> rest).to_bytes(self._pending_bits >> 3, "big")
            self._pending &= (1 << rest) - 1
            self._pending_bits = rest

    def getvalue(self) -> bytes:
        """The stream so far, padded with zero bits to whole bytes; writing may go on afterwards."""
        padding = -self._pending_bits & 7
        tail = (self._pending << padding).to_bytes((self._pending_bits + padding) >> 3, "big")
        return bytes(self._bytes) + tail


class BitReader:
    """Reads what BitWriter wrote; ``position`` counts the bits consumed."""

    def __init__(self, data: bytes) -> None:
        self._data = bytes(data)
        self.position = 0

    @property
    def bits_left(self) -> int:
        """Bits not read yet, padding included."""
        return 8 * len(self._data) - self.position

    def peek(self, bits: int) -> int:
        """The next ``bits`` bits without consuming them; zeros stand in for bits behind the end."""
        end = self.position + bits
        first, last = self.position >> 3, (end + 7) >> 3
        window = int.from_bytes(self._data[first:last], "big")
        missing = last - max(first, len(self._data))
        if missing > 0:
            window <<= 8 * missing
        return (window >> (8 * last - end)) & ((1 << bits) - 1)

    def skip(self, bits: int) -> None:
        """Consumes ``bits`` bits; EndOfBitsError when fewer are left."""
        if self.position + bits > 8 * len(self._data):
            raise EndOfBitsError(f"bit {self.position}: {bits} bits wanted, {self.bits_left} left")
        self.position += bits

    def read(self, bits: int) -> int:
        """Consumes ``bits`` bits as an unsigned number; EndOfBitsError when fewer are left."""
        value = self.peek(bits) if bits <= self.bits_left else 0
        self.skip(bits)
        return value
