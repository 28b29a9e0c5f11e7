"""Depthwise: each output of a convolution reads one channel, so that its row has one weight for each kernel position.

Weights stand kernel position by kernel position, for all outputs: neighbours in memory meet neighbours of the map.
"""

import numpy as np

from tinybayes.ir import Conv, MacNode
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays
from tinybayes.plan.structure import outputs_of_each_channel, taps_of

NAME = "depthwise"


def encode(node: MacNode, _site: Site) -> Encoding | Illegal:
    """One byte a kernel position of every output; illegal unless outputs read one channel each, in their order."""
    each = outputs_of_each_channel(node)
    if each is None or not isinstance(node, Conv):
        return Illegal(NAME, "outputs do not read one channel each, in the order of the channels")
    taps = taps_of(node)
    # The other channels' weights are zero, so a sum picks the one that is read.
    picked = taps.of(node.weight).sum(axis=3, dtype=np.int64).reshape(node.outputs, -1)
    values = WeightArray(
        "values",
        picked.T.reshape(-1).astype(np.int8),
        "weights",
        "kernel position by kernel position",
        is_words=node.outputs % 4 == 0,
    )
    arrays, constants = row_arrays(node)
    geometry = {"outputs_each": each, "tap_rows": taps.height, "tap_columns": taps.width}
    spacing = {"taps_down": taps.down, "taps_right": taps.right}
    return Encoding(NAME, (values, *arrays), {**constants, **geometry, **spacing})
