"""Weight formats: how a layer's weights lie in flash, to the byte.

Adding a format: one file here with an ``encode`` function, one row in ``FORMATS``, a struct and kernels in
``firmware/runtime/``, a cost in ``plan/cost.py`` and rows in ``emit/calls.py``; a test compares the sets.
"""

from collections.abc import Callable

from tinybayes.ir import MacNode
from tinybayes.plan.formats import blocks, dense, huffman, index, pairs
from tinybayes.plan.formats.encoding import Encoding, Field, Illegal, WeightArray

FORMATS: dict[str, Callable[..., Encoding | Illegal]] = {
    dense.NAME: lambda node, _field=None: dense.encode(node),
    index.NAME: lambda node, _field=None: index.encode(node),
    huffman.NAME: lambda node, _field=None: huffman.encode(node),
    pairs.NAME: pairs.encode,
    blocks.NAME: blocks.encode,
}
"""Format -> encoder; a linear layer has no field."""

UNPACKED = (index.NAME, huffman.NAME)
"""Formats whose rows a convolution unpacks into scratch memory."""

__all__ = ["FORMATS", "UNPACKED", "Encoding", "Field", "Illegal", "WeightArray"]
