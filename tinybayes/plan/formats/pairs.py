"""Pairs: for each nonzero of a convolution its value and its offset in the receptive field, in one word.

The layout is that of ``struct tb_pair`` in ``firmware/runtime/tb_nonzeros.h``. Nothing is unpacked: one word is read
for several output positions. Offsets are bytes of the map as it is stored, so they depend on its rows' stride.
"""

import numpy as np
import numpy.typing as npt

from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Field, Illegal, Site, WeightArray, row_arrays, segment_columns

NAME = "pairs"


def encode(node: MacNode, site: Site) -> Encoding | Illegal:
    """Four bytes a nonzero and a count a row; illegal without a field, and for no nonzero at all."""
    field = site.field
    if field is None:
        return Illegal(NAME, "only convolutions use a weight at several positions")
    rows, columns = np.nonzero(node.matrix)
    if not rows.size:
        return Illegal(NAME, "there is no nonzero, and C has no empty arrays")
    values = node.matrix[rows, columns].astype(np.int16).view(np.uint16).astype(np.uint32)
    words = values | field_offsets(node, columns, field).astype(np.uint32) << 16
    arrays, constants = row_arrays(node)
    encoded = (
        WeightArray("pairs", words, "weights", "offset << 16 | value"),
        count_array(np.bincount(rows, minlength=node.outputs)),
    )
    return Encoding(NAME, (*encoded, *arrays), constants)


def field_offsets(node: MacNode, columns: npt.NDArray[np.intp], field: Field) -> npt.NDArray[np.intp]:
    """Bytes from the first element of a receptive field to the elements that a row's ``columns`` multiply."""
    segment, inside = np.divmod(columns, segment_columns(node))
    offsets: npt.NDArray[np.intp] = segment * field.segment_stride_bytes + inside
    return offsets


def count_array(counts: npt.NDArray[np.intp]) -> WeightArray:
    """Counts of the rows, in bytes where they fit."""
    dtype = np.uint8 if counts.max() < 2**8 else np.uint16
    return WeightArray("counts", counts.astype(dtype), "tables", "entries of each row")
