"""Blocks of neighbouring weights of a fully connected layer that share one index.

The layouts are those of ``struct tb_blocks4x1``, ``tb_blocks1x4`` and ``tb_blocks1x16`` in
``firmware/runtime/tb_formats.h``. A block that holds a single nonzero costs as much as a full one.
"""

import numpy as np
import numpy.typing as npt

from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays
from tinybayes.plan.formats.index import TILE

FOUR_ROWS = "blocks4x1"
FOUR_COLUMNS = "blocks1x4"
SIXTEEN_COLUMNS = "blocks1x16"
FOUR, SIXTEEN = 4, 16
_MOST_IN_TILE = 255
_WITH_DSP = ("dsp", "mve")

_Mask = npt.NDArray[np.bool_]
_Places = npt.NDArray[np.intp]


def encode_four_rows(node: MacNode, _site: Site) -> Encoding | Illegal:
    """Five bytes a block of four rows by one column and a count a tile of four rows."""
    matrix = node.matrix.astype(np.int8)
    rows, columns = matrix.shape
    padded = np.pad(matrix, ((0, -rows % FOUR), (0, 0))).reshape(-1, FOUR, columns)
    live: _Mask = np.any(padded != 0, axis=1)
    counts = tile_counts(live, TILE)
    if refusal := _refusal(FOUR_ROWS, counts):
        return refusal
    group, column = np.nonzero(live)
    encoded = (
        WeightArray("values", padded[group, :, column].reshape(-1), "weights", "four rows of a column", is_words=True),
        WeightArray("columns", (column % TILE).astype(np.uint8), "weights", "column in tile of each block"),
        WeightArray("counts", counts.reshape(-1).astype(np.uint8), "tables", "blocks of each four rows and tile"),
    )
    arrays, constants = row_arrays(node)
    return Encoding(FOUR_ROWS, (*encoded, *arrays), {**constants, "width": columns})


def encode_four_columns(node: MacNode, site: Site) -> Encoding | Illegal:
    """Five bytes a block of four columns, a count a tile; illegal on cores that do not multiply pairs."""
    if site.core not in _WITH_DSP:
        return Illegal(FOUR_COLUMNS, "the core does not multiply pairs")
    matrix = node.matrix.astype(np.int8)
    rows, columns = matrix.shape
    tail = columns % FOUR
    tails = matrix[:, columns - tail :]
    tail = tail if tails.any() else 0
    grouped = matrix[:, : columns // FOUR * FOUR].reshape(rows, -1, FOUR)
    live: _Mask = np.any(grouped != 0, axis=2)
    counts = tile_counts(live, TILE, -(-columns // (TILE * FOUR)))
    if refusal := _refusal(FOUR_COLUMNS, counts):
        return refusal
    row, place = np.nonzero(live)
    encoded = [
        WeightArray("values", grouped[row, place].reshape(-1), "weights", "four columns of a row", is_words=True),
        WeightArray("places", (place % TILE).astype(np.uint8), "weights", "column in tile / 4 of each block"),
        WeightArray("counts", counts.reshape(-1).astype(np.uint8), "tables", "blocks of each row and tile"),
    ]
    if tail:
        encoded.append(WeightArray("tails", tails.reshape(-1), "weights", "last columns of each row"))
    arrays, constants = row_arrays(node)
    constants = {**constants, "tail": tail, "width": columns}
    return Encoding(FOUR_COLUMNS, (*encoded, *arrays), constants)


def encode_sixteen_columns(node: MacNode, site: Site) -> Encoding | Illegal:
    """Seventeen bytes a block of sixteen columns from any column on; illegal on cores without vectors."""
    if site.core != "mve":
        return Illegal(SIXTEEN_COLUMNS, "the core has no vectors")
    matrix = node.matrix.astype(np.int8)
    rows, columns = matrix.shape
    if columns < SIXTEEN:
        return Illegal(SIXTEEN_COLUMNS, f"a row has {columns} columns, less than a block")
    starts = [sixteen_starts(matrix[row] != 0) for row in range(rows)]
    counts = np.stack([np.bincount(start // TILE, minlength=-(-columns // TILE)) for start in starts])
    if refusal := _refusal(SIXTEEN_COLUMNS, counts):
        return refusal
    row = np.repeat(np.arange(rows), [start.size for start in starts])
    place = np.concatenate(starts)
    # Where a block ends at the last column it may overlap the one before, whose weights must count once.
    first = np.concatenate([_fresh(start) for start in starts])
    lanes = np.arange(SIXTEEN)
    values = matrix[row[:, None], place[:, None] + lanes] * (lanes >= first[:, None])
    encoded = (
        WeightArray("counts", counts.reshape(-1).astype(np.uint8), "tables", "blocks of each row and tile"),
        WeightArray("places", (place % TILE).astype(np.uint8), "weights", "first column in tile of each block"),
        WeightArray("values", values.astype(np.int8).reshape(-1), "weights", "sixteen columns of a row"),
    )
    arrays, constants = row_arrays(node)
    return Encoding(SIXTEEN_COLUMNS, (*encoded, *arrays), {**constants, "width": columns})


def sixteen_starts(live: _Mask) -> _Places:
    """First columns, ascending, of the fewest blocks of sixteen that cover a row's nonzeros."""
    starts: list[int] = []
    end = 0
    for column in np.flatnonzero(live).tolist():
        if column >= end:
            starts.append(min(column, live.size - SIXTEEN))
            end = column + SIXTEEN
    return np.array(starts, dtype=np.intp)


def _fresh(starts: _Places) -> _Places:
    """The first lane of each block that no block before it covers."""
    ends = np.concatenate([np.zeros(1, np.intp), starts[:-1] + SIXTEEN])[: starts.size]
    fresh: _Places = np.maximum(0, ends - starts)
    return fresh


def tile_counts(live: _Mask, tile: int, tiles: int | None = None) -> _Places:
    """Live places of each row (rows, places) and tile of ``tile`` places."""
    rows, places = live.shape
    tiles = -(-places // tile) if tiles is None else tiles
    padded = np.pad(live, ((0, 0), (0, tiles * tile - places)))
    counts: _Places = padded.reshape(rows, tiles, tile).sum(axis=2)
    return counts


def _refusal(name: str, counts: _Places) -> Illegal | None:
    if counts.max(initial=0) > _MOST_IN_TILE:
        return Illegal(name, f"a tile has more than {_MOST_IN_TILE} blocks")
    if not counts.any():
        return Illegal(name, "there is no block, and C has no empty arrays")
    return None
