"""Gaps between nonzeros, in buckets.

A gap of 1 means that the next position follows at once; the first gap counts from position -1. Bucket s holds the
gaps 2**s .. 2**(s + 1) - 1 and is followed by the s low bits of the gap (the split of Elias's gamma code), so that a
Huffman code on a handful of buckets comes within a percent of the gaps' entropy and no filler zeros are needed.
"""

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def gaps_from_positions(positions: npt.ArrayLike) -> Integers:
    """Gaps (each at least 1) before ascending ``positions``; ValueError unless they ascend from 0 or more."""
    ends = np.asarray(positions, dtype=np.int64)
    gaps: Integers = ends - np.concatenate([np.full(1, -1, dtype=np.int64), ends])[:-1]
    if gaps.size and int(gaps.min()) < 1:
        raise ValueError("positions must ascend and not be negative")
    return gaps


def positions_from_gaps(gaps: npt.ArrayLike) -> Integers:
    """The positions that ``gaps_from_positions`` came from; ValueError for a gap below 1."""
    gaps = np.asarray(gaps, dtype=np.int64)
    if gaps.size and int(gaps.min()) < 1:
        raise ValueError("a gap is at least 1")
    return np.cumsum(gaps, dtype=np.int64) - 1


def gap_buckets(gaps: npt.ArrayLike) -> tuple[Integers, Integers]:
    """(bucket, extra) of each gap: ``bucket = floor(log2(gap))``, ``extra = gap - 2**bucket`` in ``bucket`` bits.

    Raises ValueError for gaps outside 1 .. 2**53 (where float64 stops telling integers apart).
    """
    gaps = np.asarray(gaps, dtype=np.int64)
    if gaps.size and not 1 <= int(gaps.min()) <= int(gaps.max()) <= 2**53:
        raise ValueError("a gap is at least 1 and at most 2**53")
    # frexp gives gap = m * 2**e with m in [0.5, 1), exactly, where a logarithm could round up to the next bucket.
    buckets = np.frexp(gaps.astype(np.float64))[1].astype(np.int64) - 1
    return buckets, gaps - (np.int64(1) << buckets)


def gaps_from_buckets(buckets: npt.ArrayLike, extras: npt.ArrayLike) -> Integers:
    """The inverse of ``gap_buckets``; ValueError for a bucket outside 0 .. 53 or an extra that overflows it."""
    buckets, extras = np.asarray(buckets, dtype=np.int64), np.asarray(extras, dtype=np.int64)
    if buckets.size and not 0 <= int(buckets.min()) <= int(buckets.max()) <= 53:
        raise ValueError("a bucket is in 0 .. 53")
    size: Integers = np.int64(1) << buckets
    if bool(np.any((extras < 0) | (extras >= size))):
        raise ValueError("an extra does not fit its bucket")
    gaps: Integers = size + extras
    return gaps
