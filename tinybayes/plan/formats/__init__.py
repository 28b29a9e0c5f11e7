"""Weight formats: how a layer's weights lie in flash, to the byte.

Adding a format: one file here with an ``encode`` function, one row in ``FORMATS``, a struct and kernels in
``firmware/runtime/``, a cost in ``plan/cost_*.py`` with its coefficients, and rows in ``emit/calls.py``; a test
compares the sets.
"""

from collections.abc import Callable

from tinybayes.ir import MacNode
from tinybayes.plan.formats import (
    blocks,
    delta,
    dense,
    depthwise,
    gather,
    grouped,
    huffman,
    index,
    linear_blocks,
    pairs,
    planes,
    recurrent,
    sixteens,
    straight,
)
from tinybayes.plan.formats.encoding import Encoding, Field, Illegal, Site, WeightArray

Encode = Callable[[MacNode, Site], Encoding | Illegal]

FORMATS: dict[tuple[str, str], Encode] = {
    ("linear", dense.NAME): dense.encode_linear,
    ("linear", index.NAME): index.encode_linear,
    ("linear", gather.NAME): gather.encode,
    ("linear", delta.NAME): delta.encode,
    ("linear", grouped.NAME): grouped.encode,
    ("linear", linear_blocks.FOUR_ROWS): linear_blocks.encode_four_rows,
    ("linear", linear_blocks.FOUR_COLUMNS): linear_blocks.encode_four_columns,
    ("linear", linear_blocks.SIXTEEN_COLUMNS): linear_blocks.encode_sixteen_columns,
    ("linear", huffman.NAME): huffman.encode,
    ("linear", straight.NAME): straight.encode,
    ("conv", dense.NAME): dense.encode_conv,
    ("conv", index.NAME): index.encode,
    ("conv", huffman.NAME): huffman.encode,
    ("conv", pairs.NAME): pairs.encode,
    ("conv", blocks.NAME): blocks.encode,
    ("conv", sixteens.NAME): sixteens.encode,
    ("conv", depthwise.NAME): depthwise.encode,
    ("conv", planes.NAME): planes.encode,
}
"""By operator and weight format: what stores a layer for a site. Any core can run what is stored for any."""

RECURRENT_FORMATS = recurrent.FORMATS
"""By weight format: what stores both matrices of a recurrent operator."""

UNPACKED = (index.NAME, huffman.NAME)
"""Formats whose rows a convolution unpacks into scratch memory."""

WITHOUT_MARGINS = (dense.NAME, planes.NAME)
"""Formats whose convolutions bring zeros along when they copy, and read maps without margins."""

__all__ = [
    "FORMATS",
    "RECURRENT_FORMATS",
    "UNPACKED",
    "WITHOUT_MARGINS",
    "Encode",
    "Encoding",
    "Field",
    "Illegal",
    "Site",
    "WeightArray",
]
