"""Straight-line code: the weights are the instructions, so every byte of the layer's function counts as weights.

Where the code cannot be assembled, pairs of column and value stand in for it; they are no part of the image.
"""

import numpy as np

from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays, segment_columns
from tinybayes.plan.straight import generate_thumb1, generate_thumb2

NAME = "straight"
_MOST_COLUMNS = 2**16
_MULTIPLY_ADD_CYCLES = {"armv7m": 2}


def encode(node: MacNode, site: Site) -> Encoding | Illegal:
    """Assembly for the site's class of cores; illegal where a column takes more than 16 bits."""
    columns = segment_columns(node)
    if columns > _MOST_COLUMNS:
        return Illegal(NAME, f"{columns} columns where the portable twin numbers {_MOST_COLUMNS}")
    if site.core == "armv6m":
        code = generate_thumb1(node, site.code_range)
    else:
        code = generate_thumb2(node, site.code_range, _MULTIPLY_ADD_CYCLES.get(site.core, 1))
    matrix = node.matrix
    counts = np.count_nonzero(matrix, axis=1)
    _, positions = np.nonzero(matrix)
    # C has no empty arrays.
    positions, values = (np.append(array, 0) for array in (positions, matrix[matrix != 0]))
    arrays, constants = row_arrays(node)
    pairs = (
        WeightArray("counts", counts.astype(np.uint32), "tables", "nonzeros of each row"),
        WeightArray("columns", positions.astype(np.uint16), "tables", "their columns, and one to spare"),
        WeightArray("values", values.astype(np.int8), "weights", "their values, and one to spare"),
    )
    return Encoding(NAME, (*pairs, *arrays), constants, code)
