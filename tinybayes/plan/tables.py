"""Tables that operators without weights store in flash."""

import numpy as np

from tinybayes.errors import InternalError
from tinybayes.ir import Pointwise, Softmax
from tinybayes.plan.formats import Encoding, WeightArray

KIND = "tables"


def pointwise_table(node: Pointwise) -> Encoding:
    """The output byte of every input byte."""
    if node.table is None:
        raise InternalError(f"{node.name}: not an integer layer")
    values = node.table.astype(np.uint8)
    return Encoding("table", (WeightArray("table", values, KIND, "the code of every input byte"),), {})


def softmax_table(node: Softmax) -> Encoding:
    """Exponentials by the distance from the largest code."""
    if node.exponentials is None:
        raise InternalError(f"{node.name}: not an integer layer")
    told = "exp(-scale d) 2^15 for the distance d from the largest code"
    values = node.exponentials
    return Encoding("table", (WeightArray("exponentials", values, KIND, told),), {"last": values.size - 1})
