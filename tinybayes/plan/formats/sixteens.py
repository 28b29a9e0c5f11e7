"""Sixteens: neighbouring weights of a convolution that share one offset, for cores with vectors (MVE).

The layout is that of ``struct tb_sixteen`` in ``firmware/runtime/tb_sixteens.h``. One begins where the first nonzero
lies that none before it holds, or so much earlier that it ends with its segment; what it then has in common with the
one before is zero. One that holds a single nonzero costs as much as a full one.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tinybayes.ir import MacNode
from tinybayes.plan.formats.dense import CENTER
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray, row_arrays, segment_columns
from tinybayes.plan.formats.pairs import count_array, field_offsets

NAME = "sixteens"
LANES = 16


def encode(node: MacNode, site: Site) -> Encoding | Illegal:
    """Eighteen bytes each and a count a row; illegal on cores without vectors and for short segments.

    Vectors of MVE multiply signed bytes only. Unsigned activations are taken minus 128, and the biases hold what that
    takes away.
    """
    if site.core != "mve" or site.field is None:
        return Illegal(NAME, "the core has no vectors, or the layer has one position")
    columns = segment_columns(node)
    if columns < LANES:
        return Illegal(NAME, f"a segment has fewer than {LANES} columns")
    if not node.matrix.any():
        return Illegal(NAME, "there is no nonzero, and C has no empty arrays")
    words: list[int] = []
    counts = []
    for row in node.matrix.astype(np.int8, order="C"):
        starts = sixteen_starts(row, columns)
        counts.append(len(starts))
        for start, offset in zip(starts, field_offsets(node, np.array(starts, np.intp), site.field), strict=True):
            words += [int(offset), *row[start : start + LANES].view("<u2").tolist()]
            row[start : start + LANES] = 0  # the next one may begin before this one ends
    if site.code_range[0] >= 0:
        lacks = CENTER * node.matrix.astype(np.int64).sum(axis=1)
        node = replace(node, bias=(node.bias + lacks).astype(np.int32))
    arrays, constants = row_arrays(node)
    encoded = (
        WeightArray("sixteens", np.array(words, dtype=np.uint16), "weights", "offset, sixteen values; again and again"),
        count_array(np.array(counts)),
    )
    return Encoding(NAME, (*encoded, *arrays), constants)


def sixteen_starts(row: npt.NDArray[np.int8], columns: int) -> list[int]:
    """Where the sixteens of a row begin: as few as hold all nonzeros, each inside one segment of ``columns``."""
    starts: list[int] = []
    for segment in range(0, row.size, columns):
        covered = segment
        for column in (np.flatnonzero(row[segment : segment + columns]) + segment).tolist():
            if column >= covered:
                starts.append(min(column, segment + columns - LANES))
                covered = starts[-1] + LANES
    return starts
