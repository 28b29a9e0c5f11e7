"""Dense int8: every weight, zeros included; row by row, or by fours where words of four weights are multiplied."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tinybayes.ir import MacNode
from tinybayes.plan.formats.encoding import Encoding, Site, WeightArray, row_arrays, segment_columns

NAME = "dense"
ROW_ALIGNMENT_BYTES = 4
_BY_FOURS = ("armv7m", "dsp")
_IN_PLACE = ("armv7m", "dsp", "mve")
"""Where a pointwise convolution reads the map itself; on Armv6-M addresses in four registers cost more than copies."""
_FOUR = 4
CENTER = 128


def encode(node: MacNode, _site: Site) -> Encoding:
    """One byte a weight, row by row."""
    arrays, constants = row_arrays(node)
    values = WeightArray("values", node.weight.reshape(-1).astype(np.int8), "weights", "row by row")
    return Encoding(NAME, (values, *arrays), {**constants, "columns": segment_columns(node)})


def encode_linear(node: MacNode, site: Site) -> Encoding:
    """One byte a weight, in the order of ``firmware/runtime/tb_linear_dense.h`` for the class of cores."""
    made = encode(node, site)
    if site.core not in _BY_FOURS:
        return Encoding(NAME, made.arrays, {**made.constants, "by_fours": 0})
    values = WeightArray("values", by_fours(node.matrix.astype(np.int8)), "weights", "four by four", is_words=True)
    arrays = tuple(values if array.name == "values" else array for array in made.arrays)
    return Encoding(NAME, arrays, {**made.constants, "by_fours": 1})


def by_fours(matrix: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Blocks of four columns of four rows, row by row, flat; then the rows that are left, padded to whole words."""
    rows, columns = matrix.shape
    padded = np.pad(matrix, ((0, 0), (0, -columns % _FOUR)))
    whole = rows // _FOUR * _FOUR
    blocks = padded[:whole].reshape(-1, _FOUR, padded.shape[1] // _FOUR, _FOUR).transpose(0, 2, 1, 3)
    return np.concatenate([blocks.reshape(-1), padded[whole:].reshape(-1)])


def encode_conv(node: MacNode, site: Site) -> Encoding:
    """One byte a weight, each row filled up with zeros to whole words.

    Vectors of MVE multiply signed bytes only. There unsigned activations are taken minus 128, and the biases hold what
    that takes away.
    """
    centered = site.core == "mve" and site.code_range[0] >= 0
    matrix = node.matrix.astype(np.int8)
    if centered:
        lacks = CENTER * matrix.astype(np.int64).sum(axis=1)
        node = replace(node, bias=(node.bias + lacks).astype(np.int32))
    made = encode(node, site)
    matrix = np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % ROW_ALIGNMENT_BYTES)))
    values = WeightArray("values", matrix.reshape(-1), "weights", "row by row, in whole words", is_words=True)
    arrays = tuple(values if array.name == "values" else array for array in made.arrays)
    in_place = not centered and site.core in _IN_PLACE
    return Encoding(NAME, arrays, {**made.constants, "centered": int(centered), "in_place": int(in_place)})
