"""Weight formats: how a layer's weights lie in flash, to the byte.

Adding a format: one file here with an ``encode`` function, one row in ``FORMATS``, a struct and kernels in
``firmware/runtime/``, a cost in ``plan/cost.py`` and rows in ``emit/calls.py``; a test compares the sets.
"""

from collections.abc import Callable

from tinybayes.ir import MacNode
from tinybayes.plan.formats import dense, huffman, index
from tinybayes.plan.formats.encoding import Encoding, Illegal, WeightArray

FORMATS: dict[str, Callable[[MacNode], Encoding | Illegal]] = {
    dense.NAME: dense.encode,
    index.NAME: index.encode,
    huffman.NAME: huffman.encode,
}

__all__ = ["FORMATS", "Encoding", "Illegal", "WeightArray"]
