"""Planes: a depthwise convolution that goes channel by channel, each copied between zeros before it is written.

The weights of an output stand together, kernel row by kernel row. Cores with the DSP extension copy into 16 bits.
"""

import numpy as np

from tinybayes.ir import Conv, MacNode
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays
from tinybayes.plan.structure import outputs_of_each_channel

NAME = "planes"


def encode(node: MacNode, site: Site) -> Encoding | Illegal:
    """One byte a kernel position of every output; illegal unless each channel has one output, or on MVE."""
    if outputs_of_each_channel(node) != 1 or not isinstance(node, Conv):
        return Illegal(NAME, "outputs do not read one channel each, each a channel of its own")
    if site.core == "mve":
        return Illegal(NAME, "vectors take neighbouring channels together")
    # The other channels' weights are zero, so a sum picks the one that is read.
    picked = node.weight.sum(axis=3, dtype=np.int64).astype(np.int8)
    values = WeightArray("values", picked.reshape(-1), "weights", "output by output")
    arrays, constants = row_arrays(node)
    return Encoding(NAME, (values, *arrays), {**constants, "halves": int(site.core == "dsp")})
