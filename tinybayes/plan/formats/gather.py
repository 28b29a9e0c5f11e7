"""Columns and values apart: vectors of columns gather activations, for cores with vectors (MVE)."""

import numpy as np

from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays, segment_columns
from tinybayes.plan.formats.index import TILE

NAME = "gather"
_MOST_IN_TILE = 255


def encode(node: MacNode, site: Site) -> Encoding | Illegal:
    """Two bytes a nonzero and one a tile of every row; illegal on cores that do not gather."""
    if site.core != "mve":
        return Illegal(NAME, "the core has no vectors to gather with")
    columns = segment_columns(node)
    matrix = node.matrix
    tiles = [matrix[:, start : start + TILE] for start in range(0, columns, TILE)]
    counts = np.stack([np.count_nonzero(tile, axis=1) for tile in tiles], axis=1)
    if counts.max(initial=0) > _MOST_IN_TILE:
        return Illegal(NAME, f"a tile has more than {_MOST_IN_TILE} nonzeros")
    if not counts.any():
        return Illegal(NAME, "there is no nonzero, and C has no empty arrays")
    _, flat = np.nonzero(matrix)
    arrays, constants = row_arrays(node)
    encoded = (
        WeightArray("counts", counts.reshape(-1).astype(np.uint8), "tables", "nonzeros of each row and tile"),
        WeightArray("offsets", (flat % TILE).astype(np.uint8), "weights", "column in tile of each nonzero"),
        WeightArray("values", matrix[matrix != 0].astype(np.int8), "weights", "value of each nonzero"),
    )
    return Encoding(NAME, (*encoded, *arrays), {**constants, "columns": columns})
