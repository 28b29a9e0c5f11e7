"""Index stream of gaps: what the index stream stores, without tiles; for rows of many columns.

The layout is that of ``struct tb_delta`` in ``firmware/runtime/tb_formats.h``.
"""

import numpy as np

from tinybayes.ir import MacNode
from tinybayes.plan.formats import index
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays

NAME = "delta"
_MOST = 255


def encode(node: MacNode, site: Site) -> Encoding | Illegal:
    """Two nonzeros a word and a count a row; illegal where the index stream is as small."""
    matrix = node.matrix.astype(np.int64)
    words = [_words(row) for row in matrix]
    counts = np.array([len(row) for row in words])
    if not counts.any():
        return Illegal(NAME, "there is no nonzero, and C has no empty arrays")
    if counts.max() >= 2**16:
        return Illegal(NAME, "a row has more words than 16 bits count")
    dtype = np.uint8 if counts.max() < 2**8 else np.uint16
    arrays, constants = row_arrays(node)
    encoded = (
        WeightArray("words", np.concatenate(words).astype(np.uint32), "weights", "gap, value; twice"),
        WeightArray(f"counts{8 * dtype().itemsize}", counts.astype(dtype), "tables", "words of each row"),
    )
    made = Encoding(NAME, (*encoded, *arrays), constants)
    absolute = index.encode_linear(node, site)
    if isinstance(absolute, Encoding) and absolute.size_bytes <= made.size_bytes:
        return Illegal(NAME, "columns in tiles take no more bytes")
    return made


def _words(row: np.ndarray) -> np.ndarray:
    """A row's words: its gaps, those too long for a byte spread over entries of their own, and its values."""
    columns = np.flatnonzero(row)
    gaps = np.diff(columns, prepend=0)
    fillers = np.maximum(0, gaps - 1) // _MOST
    last = np.cumsum(fillers + 1) - 1
    entries = np.full(int(fillers.sum()) + columns.size, _MOST, dtype=np.int64)
    entries[last] = (gaps - _MOST * fillers) | (row[columns] & 0xFF) << 8
    entries = np.pad(entries, (0, entries.size % 2))
    return entries[0::2] | entries[1::2] << 16
