"""Dense int8: every weight, row by row."""

import numpy as np

from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Site, WeightArray, row_arrays, segment_columns

NAME = "dense"
ROW_ALIGNMENT_BYTES = 4


def encode(node: MacNode, _site: Site) -> Encoding:
    """One byte a weight, zeros included."""
    arrays, constants = row_arrays(node)
    values = WeightArray("values", node.weight.reshape(-1).astype(np.int8), "weights", "row by row")
    return Encoding(NAME, (values, *arrays), {**constants, "columns": segment_columns(node)})


def encode_conv(node: MacNode, site: Site) -> Encoding:
    """One byte a weight, each row filled up with zeros to whole words."""
    made = encode(node, site)
    matrix = node.matrix.astype(np.int8)
    matrix = np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % ROW_ALIGNMENT_BYTES)))
    values = WeightArray("values", matrix.reshape(-1), "weights", "row by row, in whole words", is_words=True)
    arrays = tuple(values if array.name == "values" else array for array in made.arrays)
    return Encoding(NAME, arrays, made.constants)
