"""Grouped and dilated convolutions as convolutions with zeros: what torch leaves out is written down."""

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

MAX_WEIGHTS = 1 << 26
"""Of a layer, zeros included: what a .tbn file may hold."""


def spread(weight: Float32, groups: int, dilation: tuple[int, int]) -> Float32:
    """The weight of the convolution without groups and dilation that computes the same.

    ``weight``: float32 (outputs, kernel height, kernel width, channels of a group). Outputs fall into ``groups`` of
    equal size, in order, and each reads its own group of channels; kernel positions lie ``dilation`` (down, right)
    apart. Returns (outputs, spread height, spread width, channels).
    """
    outputs, height, width, inside = weight.shape
    span = (height - 1) * dilation[0] + 1, (width - 1) * dilation[1] + 1
    each = outputs // groups
    spread_out = np.zeros((groups, each, *span, groups, inside), np.float32)
    for group in range(groups):
        taps = weight[group * each : (group + 1) * each]
        spread_out[group, :, :: dilation[0], :: dilation[1], group] = taps
    return spread_out.reshape(outputs, *span, groups * inside)
