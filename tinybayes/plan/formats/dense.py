"""Dense int8: every weight, row by row."""

import numpy as np

from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Site, WeightArray, row_arrays, segment_columns

NAME = "dense"


def encode(node: MacNode, _site: Site) -> Encoding:
    """One byte a weight, zeros included."""
    arrays, constants = row_arrays(node)
    values = WeightArray("values", node.weight.reshape(-1).astype(np.int8), "weights", "row by row")
    return Encoding(NAME, (values, *arrays), {**constants, "columns": segment_columns(node)})
