"""Tables that operators without weights store in flash."""

import numpy as np

from tinybayes.errors import InternalError
from tinybayes.ir import Affine, AveragePoolSpans, Pointwise, Softmax, SpanPool
from tinybayes.plan.formats import Encoding, WeightArray
from tinybayes.plan.formats.encoding import multiplier_array

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


def span_tables(node: SpanPool) -> Encoding:
    """First position and size of every window; for means of different sizes, which multiplier is whose."""
    arrays = [_spans("rows", node.rows), _spans("columns", node.columns)]
    if isinstance(node, AveragePoolSpans) and node.requant is not None and node.requant.per_channel:
        row_classes, column_classes = node.row_classes * np.uint8(len(set(node.column_counts))), node.column_classes
        arrays.append(multiplier_array(node.requant))
        arrays.append(WeightArray("row_classes", row_classes, KIND, "first multiplier of each row of windows"))
        arrays.append(WeightArray("column_classes", column_classes, KIND, "which of them for each column"))
    return Encoding("spans", tuple(arrays), {})


def _spans(name: str, spans: tuple[tuple[int, int], ...]) -> WeightArray:
    values = np.array([(start, stop - start) for start, stop in spans], np.uint16).reshape(-1)
    return WeightArray(name, values, KIND, "first position and size of each window")


def affine_table(node: Affine) -> Encoding:
    """A multiplier and an offset for each channel."""
    arrays = (
        WeightArray("offsets", node.offsets.astype(np.int32), KIND, "added to each channel's product"),
        WeightArray(
            "multipliers", node.multipliers.astype(np.int16), KIND, "what each channel's codes are multiplied by"
        ),
    )
    return Encoding("table", arrays, {})
