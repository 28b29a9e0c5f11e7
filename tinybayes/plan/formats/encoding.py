"""What a weight format makes of a layer: constant arrays, exact bytes, and constants for its kernel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes.ir import MacNode, Requant
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.straight.listing import Listing

ALIGNMENT_BYTES = 4
_C_TYPES = {
    np.dtype(np.int8): "int8_t",
    np.dtype(np.uint8): "uint8_t",
    np.dtype(np.int16): "int16_t",
    np.dtype(np.uint16): "uint16_t",
    np.dtype(np.uint32): "uint32_t",
    np.dtype(np.int32): "int32_t",
    np.dtype(np.uint32): "uint32_t",
}


@dataclass(frozen=True, eq=False)
class WeightArray:
    """One constant array in flash. ``kind`` is weights, tables, biases or multipliers (for the memory report)."""

    name: str
    values: npt.NDArray[Any]
    kind: str
    comment: str
    is_words: bool = False
    """Whether kernels read whole words of it, so that it must be aligned to four bytes."""

    @property
    def c_type(self) -> str:
        """The element's C type."""
        return _C_TYPES[self.values.dtype]

    @property
    def size_bytes(self) -> int:
        """Bytes in flash, without padding."""
        return int(self.values.nbytes)


@dataclass(frozen=True)
class Field:
    """How a convolution's receptive field lies in the map that it reads.

    ``segment_stride_bytes`` lead from one kernel row to the next; ``aligned`` says that every column of the map starts
    at a multiple of 4 bytes.
    """

    segment_stride_bytes: int
    aligned: bool


@dataclass(frozen=True)
class Site:
    """Where a layer runs: the class of the core, the range of the codes that it reads, a convolution's field."""

    core: CoreClass = "dsp"
    code_range: tuple[int, int] = (-128, 127)
    field: Field | None = None


@dataclass(frozen=True, eq=False)
class Encoding:
    """A layer's constants in one weight format. ``constants`` are parameters of its kernel.

    Where ``code`` is given, the weights are that code; the arrays then only stand in for it on other cores.
    """

    format: str
    arrays: tuple[WeightArray, ...]
    constants: Mapping[str, int]
    code: Listing | None = None

    @property
    def ordered_arrays(self) -> tuple[WeightArray, ...]:
        """Widest elements first, so that a struct of them has no padding inside."""
        return tuple(sorted(self.arrays, key=lambda array: -4 if array.is_words else -array.values.dtype.itemsize))

    @property
    def padding_bytes(self) -> int:
        """Bytes that round the struct up to its alignment."""
        return -sum(array.size_bytes for array in self.arrays) % ALIGNMENT_BYTES

    @property
    def struct_bytes(self) -> int:
        """The size of the C struct that holds the arrays, padding included."""
        return sum(array.size_bytes for array in self.arrays) + self.padding_bytes

    @property
    def size_bytes(self) -> int:
        """Bytes in flash: of the struct, or of the code that holds the weights in its stead."""
        return self.code.size_bytes if self.code is not None else self.struct_bytes

    @property
    def bytes_by_kind(self) -> dict[str, int]:
        """The same bytes by what they are."""
        if self.code is not None:
            return {"weights": self.code.size_bytes}
        kinds: dict[str, int] = {}
        for array in self.arrays:
            kinds[array.kind] = kinds.get(array.kind, 0) + array.size_bytes
        return kinds | ({"padding": self.padding_bytes} if self.padding_bytes else {})

    def array(self, name: str) -> WeightArray | None:
        """The array called ``name``, or None."""
        return next((array for array in self.arrays if array.name == name), None)


@dataclass(frozen=True)
class Illegal:
    """Why a layer cannot be stored in a format."""

    format: str
    reason: str


def segment_columns(node: MacNode) -> int:
    """Columns of one segment of a row: what lies contiguous in the input map (kernel width x input channels)."""
    return int(node.weight.shape[2] * node.weight.shape[3])


def row_arrays(node: MacNode) -> tuple[tuple[WeightArray, ...], dict[str, int]]:
    """Biases in the narrowest storage that holds them exactly, and per-channel multipliers if there are any."""
    bias, shift = narrow_bias(node.bias)
    arrays = [WeightArray("bias", bias, "biases", f"in units of 2^{shift} of the accumulator")]
    if node.requant is not None and node.requant.per_channel:
        arrays.append(multiplier_array(node.requant))
    return tuple(arrays), {"bias_bits": bias.dtype.itemsize * 8, "bias_shift": shift}


def multiplier_array(requant: Requant) -> WeightArray:
    """The multipliers of a requantization that has one for each channel."""
    return WeightArray("multipliers", requant.multiplier.astype(np.int16), "multipliers", "one for each output channel")


def narrow_bias(bias: npt.NDArray[np.int32]) -> tuple[npt.NDArray[Any], int]:
    """(codes, shift) with ``bias == codes << shift`` exactly, codes as narrow as int8, int16 or int32 allow."""
    bits = int(np.bitwise_or.reduce(bias.astype(np.int64) & 0xFFFFFFFF, initial=0))
    shift = (bits & -bits).bit_length() - 1 if bits else 0
    codes = bias.astype(np.int64) >> shift
    for dtype in (np.int8, np.int16):
        limits = np.iinfo(dtype)
        if codes.min(initial=0) >= limits.min and codes.max(initial=0) <= limits.max:
            return codes.astype(dtype), shift
    return bias.astype(np.int32), 0
