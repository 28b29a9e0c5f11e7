"""By level: the columns of all nonzeros of a row that have the same value lie together, and the value is stored once.

The layout is that of ``struct tb_grouped`` in ``firmware/runtime/tb_formats.h``.
"""

import numpy as np

from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays
from tinybayes.plan.formats.index import TILE

NAME = "grouped"
MAX_LEVELS = 32
_MOST_IN_TILE = 255


def encode(node: MacNode, _site: Site) -> Encoding | Illegal:
    """A byte a nonzero, and a count for each level of each tile of a row; illegal for more than 32 levels."""
    matrix = node.matrix.astype(np.int8)
    rows, columns = matrix.shape
    levels = np.setdiff1d(matrix, [0])
    if not levels.size:
        return Illegal(NAME, "there is no nonzero, and C has no empty arrays")
    if levels.size > MAX_LEVELS:
        return Illegal(NAME, f"{levels.size} distinct values; more than {MAX_LEVELS} do not pay")
    tiles = -(-columns // TILE)
    row, column = np.nonzero(matrix)
    group = (row * tiles + column // TILE) * levels.size + np.searchsorted(levels, matrix[row, column])
    counts = np.bincount(group, minlength=rows * tiles * levels.size)
    if counts.max() > _MOST_IN_TILE:
        return Illegal(NAME, f"a tile has more than {_MOST_IN_TILE} weights of one level")
    offsets = column[np.argsort(group, kind="stable")] % TILE
    encoded = (
        WeightArray("counts", counts.astype(np.uint8), "tables", "weights of each row, tile and level"),
        WeightArray("offsets", offsets.astype(np.uint8), "weights", "column in tile of each nonzero"),
        WeightArray("levels", levels, "tables", "the codebook"),
    )
    arrays, constants = row_arrays(node)
    return Encoding(NAME, (*encoded, *arrays), {**constants, "columns": columns, "level_count": levels.size})
