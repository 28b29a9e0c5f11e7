"""Blocks: four neighbouring weights of a convolution that share one offset; whole words of activations are read.

The layout is that of ``struct tb_blocks`` in ``firmware/runtime/tb_nonzeros.h``: two blocks in three words. A row with
an odd number of blocks ends with a block of zeros. A block that holds a single nonzero costs as much as a full one.
"""

import numpy as np

from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays, segment_columns
from tinybayes.plan.formats.pairs import count_array, field_offsets

NAME = "blocks"
BLOCK = 4


def encode(node: MacNode, site: Site) -> Encoding | Illegal:
    """Six bytes a block and a count a row; illegal where words of the map are not aligned."""
    field = site.field
    if field is None:
        return Illegal(NAME, "only convolutions use a weight at several positions")
    if not field.aligned or segment_columns(node) % BLOCK:
        return Illegal(NAME, "columns of the map do not start at multiples of 4 bytes")
    groups = node.matrix.reshape(node.outputs, -1, BLOCK)
    live = np.any(groups != 0, axis=2)
    if not live.any():
        return Illegal(NAME, "there is no nonzero, and C has no empty arrays")
    words: list[int] = []
    counts = -(-live.sum(axis=1) // 2)
    for row in range(node.outputs):
        columns = np.flatnonzero(live[row])
        columns = np.append(columns, [columns[-1]] if columns.size % 2 else []).astype(np.intp)
        offsets = field_offsets(node, columns * BLOCK, field).tolist()
        values = groups[row, columns].astype(np.int8)
        if live[row].sum() % 2:
            values[-1] = 0
        packed = values.view("<u4").reshape(-1).tolist()
        for first in range(0, len(packed), 2):
            words += [offsets[first] | offsets[first + 1] << 16, packed[first], packed[first + 1]]
    arrays, constants = row_arrays(node)
    encoded = (
        WeightArray("blocks", np.array(words, dtype=np.uint32), "weights", "two offsets, two blocks of four values"),
        count_array(counts),
    )
    return Encoding(NAME, (*encoded, *arrays), constants)
