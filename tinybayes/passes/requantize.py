"""Chooses the shifts and multipliers that turn accumulators into codes."""

import math

import numpy as np
import numpy.typing as npt

from tinybayes.ir import Requant, SumRequant
from tinybayes.ir.requant import INT16_MAX, MAX_SUM_SHIFT

Real = npt.NDArray[np.float64]


def choose_pre_shift(ratio: Real, reach: Real, largest_code: int) -> int:
    """The smallest shift that fits every accumulator that still matters into 16 bits.

    ``ratio`` is codes per accumulator unit, (1,) or (channels,); ``reach`` the largest accumulator magnitude of each
    channel. Beyond ``largest_code + 0.5`` codes an accumulator is clamped anyway.
    """
    matters = float(np.minimum((largest_code + 0.5) / ratio, reach).max())
    pre_shift = 0
    while matters / 2**pre_shift > INT16_MAX:
        pre_shift += 1
    return pre_shift


def choose_requant(ratio: Real, pre_shift: int, low: int, high: int) -> Requant:
    """The requantization with multiplier / 2**post_shift nearest to ``ratio * 2**pre_shift``.

    The largest channel's multiplier lies in [2**14, 2**15), where its rounding costs at most 2**-15 of a value.
    """
    scaled = ratio * 2.0**pre_shift
    post_shift = min(max(14 - math.floor(math.log2(float(scaled.max()))), 1), 30)
    if np.rint(float(scaled.max()) * 2.0**post_shift) > INT16_MAX and post_shift > 1:
        post_shift -= 1
    multiplier = np.clip(np.rint(scaled * 2.0**post_shift), 1, INT16_MAX).astype(np.int32)
    return Requant(pre_shift, multiplier, post_shift, low, high)


def choose_sum_requant(ratios: Real, low: int, high: int) -> SumRequant:
    """The weighted sum of two codes with multipliers / 2**shift nearest to ``ratios``, codes per code, shape (2,).

    The larger multiplier lies in [2**14, 2**15), where its rounding costs at most 2**-15 of a value.
    """
    largest = float(np.abs(ratios).max())
    shift = MAX_SUM_SHIFT if largest == 0 else min(max(14 - math.floor(math.log2(largest)), 1), MAX_SUM_SHIFT)
    if np.rint(largest * 2.0**shift) > INT16_MAX and shift > 1:
        shift -= 1
    multipliers = np.clip(np.rint(ratios * 2.0**shift), -INT16_MAX, INT16_MAX).astype(np.int32)
    return SumRequant(multipliers, shift, low, high)


def choose_affine(ratios: Real, offsets: Real) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], int]:
    """(multipliers, offsets, shift) of ``Affine`` for codes per code and codes, each of shape (channels,).

    The largest multiplier lies in [2**14, 2**15), or the largest offset in [2**28, 2**30].
    """
    largest, farthest = float(np.abs(ratios).max()), float(np.abs(offsets).max())
    shift = MAX_SUM_SHIFT if largest == 0 else min(max(14 - math.floor(math.log2(largest)), 1), MAX_SUM_SHIFT)
    if np.rint(largest * 2.0**shift) > INT16_MAX and shift > 1:
        shift -= 1
    while shift > 1 and farthest * 2.0**shift > 2.0**29:
        shift -= 1
    multipliers = np.clip(np.rint(ratios * 2.0**shift), -INT16_MAX, INT16_MAX).astype(np.int32)
    added = np.clip(np.rint(offsets * 2.0**shift) + 2.0 ** (shift - 1), -(2.0**30), 2.0**30).astype(np.int32)
    return multipliers, added, shift
