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


def encode_linear(node: MacNode, _site: Site) -> Encoding | Illegal:
    """Two nonzeros a word, and a byte a tile of every row; illegal where there is no nonzero at all."""
    matrix = node.matrix.astype(np.int64)
    rows, columns = matrix.shape
    words, counts = [], []
    for row in range(rows):
        for start in range(0, columns, TILE):
            tile = matrix[row, start : start + TILE]
            offsets = np.flatnonzero(tile)
            entries = offsets | (tile[offsets] & 0xFF) << 8
            entries = np.pad(entries, (0, len(entries) % 2))
            words.append(entries[0::2] | entries[1::2] << 16)
            counts.append(len(words[-1]))
    stream = np.concatenate(words)
    if not stream.size:
        return Illegal(NAME, "there is no nonzero, and C has no empty arrays")
    arrays, constants = row_arrays(node)
    encoded = (
        WeightArray("words", stream.astype(np.uint32), "weights", "column in tile, value; twice"),
        WeightArray("counts", np.array(counts, np.uint8), "tables", "words of each row and tile"),
    )
    return Encoding(NAME, (*encoded, *arrays), {**constants, "columns": columns})
