"""Real weights and biases as integers."""

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]

WEIGHT_MAX = 127
CODEBOOK_LEVELS = 256
_SMALLEST_CHANNEL = 1 / 64
# A stored level is float32(scale) * integer: its product and its scale are each off by half a unit in the last place,
# and so is the largest level, from which the scale is taken here.
_TOLERANCE = 4 * 2.0**-24


def quantize_weight(
    weight: npt.NDArray[np.float32], least: Real | float = 0.0, *, per_channel: bool = True
) -> tuple[npt.NDArray[np.int8], Real]:
    """(int8 weight of the same shape, float64 scale (1,) or (outputs,)); zeros stay zeros.

    A weight that is a codebook keeps its exact levels under one scale. Any other gets a symmetric scale for each output
    channel; none is smaller than 1/64 of the largest, nor than ``least`` (a number, or one for each channel), so that
    one pre-shift serves all channels. Without ``per_channel`` the whole layer has the scale of its largest weight.
    """
    scale = codebook_scale(weight)
    if scale is not None:
        return np.rint(weight.astype(np.float64) / scale).astype(np.int8), np.array([scale])
    largest = np.abs(weight.astype(np.float64)).reshape(weight.shape[0], -1).max(axis=1)
    if per_channel:
        scales = np.maximum(np.maximum(largest, largest.max() * _SMALLEST_CHANNEL) / WEIGHT_MAX, least)
    else:
        scales = largest.max(keepdims=True) / WEIGHT_MAX
    codes = np.rint(weight.astype(np.float64) / scales[:, None, None, None])
    return np.clip(codes, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8), scales


def codebook_scale(weight: npt.NDArray[np.float32]) -> float | None:
    """The scale under which every weight is an integer in -127 .. 127, or None if there is none.

    Looks at at most 256 distinct nonzero values and takes the coarsest scale that fits to within float32 rounding. An
    all-zero weight fits every scale: 1.
    """
    levels = np.unique(weight[weight != 0]).astype(np.float64)
    if levels.size == 0:
        return 1.0
    if levels.size > CODEBOOK_LEVELS:
        return None
    magnitudes = np.unique(np.abs(levels))
    for largest_code in range(1, WEIGHT_MAX + 1):
        codes = np.rint(magnitudes * (largest_code / magnitudes[-1]))
        if codes[0] < 1:
            continue
        # Least squares: the scale that all levels agree on, not only the largest.
        scale = float((magnitudes @ codes) / (codes @ codes))
        if np.all(np.abs(magnitudes - codes * scale) <= _TOLERANCE * magnitudes):
            return scale
    return None


def narrow_bias(target: Real, bits: int) -> Real:
    """``target`` (in accumulator units) rounded to ``n << shift`` with n of ``bits`` bits and the least common shift.

    With ``bits`` = 32 the shift is 0. The result is whole numbers in float64, to be checked for range by the caller.
    """
    limit = 2 ** (bits - 1) - 1
    shift = 0
    while bits < 32 and np.abs(np.rint(target / 2**shift)).max(initial=0) > limit:
        shift += 1
    narrow: Real = np.rint(target / 2**shift) * 2**shift
    return narrow
