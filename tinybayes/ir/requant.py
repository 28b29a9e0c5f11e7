"""How an int32 accumulator becomes an 8-bit code, to the bit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

INT16_MIN, INT16_MAX = -(2**15), 2**15 - 1
MAX_SUM_SHIFT = 24
"""Beyond it, half a unit of the result and two products might not fit 32 bits together."""


@dataclass(frozen=True, eq=False)
class Requant:
    """A 16-bit multiplier on a pre-shifted accumulator: one 32-bit product on every core, no 64-bit one.

    For an accumulator ``acc`` of channel ``c``::

        a = clamp(acc >> pre_shift, -32768, 32767)             # arithmetic shift: rounds down
        q = (a * multiplier[c] + 2**(post_shift - 1)) >> post_shift   # rounds half up
        q = clamp(q, low, high)

    ``multiplier`` is int32 of shape (1,) for a layer or (channels,), each in 1 .. 32767; ``pre_shift`` is in 0 .. 24
    and ``post_shift`` in 1 .. 30. ``|a * multiplier| <= 2**30``, so nothing overflows 32 bits. ``low`` is 0 behind a
    ReLU. The function never decreases in ``acc``: a maximum may be taken before it.
    """

    pre_shift: int
    multiplier: npt.NDArray[np.int32]
    post_shift: int
    low: int
    high: int

    @property
    def per_channel(self) -> bool:
        """Whether every channel has a multiplier of its own."""
        return self.multiplier.size > 1

    def apply(self, accumulator: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Codes for an accumulator of shape (..., channels); the definition of the right bits."""
        shifted = np.clip(accumulator >> self.pre_shift, INT16_MIN, INT16_MAX)
        product = shifted * self.multiplier.astype(np.int64) + (1 << (self.post_shift - 1))
        codes: npt.NDArray[np.int64] = np.clip(product >> self.post_shift, self.low, self.high)
        return codes

    def take(self, channels: npt.NDArray[np.intp]) -> "Requant":
        """The same requantization for a subset of the channels."""
        multiplier = self.multiplier[channels] if self.per_channel else self.multiplier
        return Requant(self.pre_shift, multiplier, self.post_shift, self.low, self.high)


@dataclass(frozen=True, eq=False)
class SumRequant:
    """The code of a sum of two codes ``a`` and ``b``, each with a 16-bit multiplier, rounded once.

    ::

        q = (a * multipliers[0] + b * multipliers[1] + 2**(shift - 1)) >> shift   # rounds half up
        q = clamp(q, low, high)

    ``multipliers`` is int32 of shape (2,), each in -32767 .. 32767; ``shift`` is in 1 .. 24. Codes have 8 bits, so the
    sum stays below 2**25.
    """

    multipliers: npt.NDArray[np.int32]
    shift: int
    low: int
    high: int

    def apply(self, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Codes of the sums of two broadcastable arrays of codes; the definition of the right bits."""
        first, second = self.multipliers.tolist()
        total = a * first + b * second + (1 << (self.shift - 1))
        codes: npt.NDArray[np.int64] = np.clip(total >> self.shift, self.low, self.high)
        return codes
