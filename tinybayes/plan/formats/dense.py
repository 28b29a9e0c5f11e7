"""Dense int8: every weight, row by row.

The rows of a convolution start at multiples of 4 bytes, so that words of them can be read; zeros fill the gap.
"""

import numpy as np

from tinybayes.ir import Conv, MacNode
from tinybayes.plan.formats.encoding import Encoding, WeightArray, row_arrays, segment_columns

NAME = "dense"
ROW_ALIGNMENT_BYTES = 4


def encode(node: MacNode) -> Encoding:
    """One byte a weight, zeros included."""
    arrays, constants = row_arrays(node)
    matrix = node.matrix.astype(np.int8)
    if isinstance(node, Conv):
        matrix = np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % ROW_ALIGNMENT_BYTES)))
    values = WeightArray("values", matrix.reshape(-1), "weights", "row by row")
    return Encoding(NAME, (values, *arrays), {**constants, "columns": segment_columns(node)})
