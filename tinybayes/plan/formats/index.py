"""Index stream: per row and 256-wide tile a count, then the column inside the tile and the value of each nonzero."""

import numpy as np

from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays, segment_columns

NAME = "index"
TILE = 256


def encode(node: MacNode, _site: Site) -> Encoding | Illegal:
    """Two bytes a nonzero and one a tile of every row; illegal for a tile of 256 nonzeros and for none at all."""
    columns = segment_columns(node)
    segments = node.weight.reshape(-1, columns)
    tiles = [segments[:, start : start + TILE] for start in range(0, columns, TILE)]
    counts = np.stack([np.count_nonzero(tile, axis=1) for tile in tiles], axis=1)
    if counts.max(initial=0) > 255:
        return Illegal(NAME, "a tile of 256 columns has no zero")
    if not counts.any():
        return Illegal(NAME, "there is no nonzero, and C has no empty arrays")
    _, flat = np.nonzero(segments)
    values = segments[segments != 0]
    entries = np.stack([(flat % TILE).astype(np.uint8), values.astype(np.int8).view(np.uint8)], axis=1)
    arrays, constants = row_arrays(node)
    encoded = (
        WeightArray("counts", counts.reshape(-1).astype(np.uint8), "tables", "nonzeros of each row and tile"),
        WeightArray("entries", entries.reshape(-1), "weights", "column in tile, value (int8 as uint8)"),
    )
    return Encoding(NAME, (*encoded, *arrays), {**constants, "columns": columns})
