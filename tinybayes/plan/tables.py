"""Tables that operators without weights store in flash."""

import numpy as np

from tinybayes.errors import InternalError
from tinybayes.ir import Pointwise
from tinybayes.plan.formats import Encoding, WeightArray

KIND = "tables"


def pointwise_table(node: Pointwise) -> Encoding:
    """The output byte of every input byte."""
    if node.table is None:
        raise InternalError(f"{node.name}: not an integer layer")
    values = node.table.astype(np.uint8)
    return Encoding("table", (WeightArray("table", values, KIND, "the code of every input byte"),), {})
