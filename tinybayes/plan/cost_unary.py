"""Estimated cycles of operators without weights, and of zero margins: sums of terms, the same on every core.

What each term costs is in ``plan/coefficients_unary.py``, by class of core, as ``scripts/fit_unary_cost.py`` fits it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tinybayes.ir import (
    Add,
    Affine,
    ArgMax,
    AveragePool,
    AveragePoolSpans,
    Concat,
    MaxPool,
    MaxPoolSpans,
    Multiply,
    Pointwise,
    Rearrange,
    Requantize,
    Softmax,
)
from tinybayes.ir.pools import SpanPool
from tinybayes.plan.coefficients_unary import UNARY_COEFFICIENTS
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.steps import PAD, Step
from tinybayes.plan.storage import Storage

Terms = tuple[int, ...]


def _elements(step: Step) -> Terms:
    """Elements, and the call."""
    return step.source.tensor.elements, 1


def _vectors(step: Step) -> Terms:
    """Elements, vectors of channels, and the call."""
    height, width, _ = step.source.tensor.hwc
    return step.source.tensor.elements, height * width, 1


def _windows(step: Step) -> Terms:
    """Elements of all windows, their rows, and windows, of all channels."""
    node, channels = step.node, step.target.tensor.channels
    outputs = step.target.tensor.elements
    if isinstance(node, SpanPool):
        rows, columns = (sum(end - start for start, end in spans) for spans in (node.rows, node.columns))
        return rows * columns * channels, rows * len(node.columns) * channels, outputs
    assert isinstance(node, MaxPool | AveragePool)
    return outputs * node.window[0] * node.window[1], outputs * node.window[0], outputs


def _copied(step: Step) -> Terms:
    """Elements that are copied, elements that are requantized, and how often the innermost loop begins."""
    node, elements = step.node, step.target.tensor.elements
    if isinstance(node, Rearrange):
        return elements, 0, elements // node.sizes[-1]
    assert isinstance(node, Concat)
    height, width, _ = step.target.tensor.hwc
    starts = (1, height, height * width)[node.axis]
    pairs = zip(step.sources, node.requants, strict=True)
    changed = sum(source.tensor.elements for source, requant in pairs if requant is not None)
    return elements - changed, changed, starts * len(step.sources)


def margin_terms(stored: Storage) -> Terms:
    """Bytes of margins, and rows between them."""
    return stored.total_bytes - stored.tensor.elements, stored.height


UNARY_TERMS: dict[str, Callable[[Step], Terms]] = {
    MaxPool.op: _windows,
    AveragePool.op: _windows,
    MaxPoolSpans.op: _windows,
    AveragePoolSpans.op: _windows,
    Pointwise.op: _elements,
    Requantize.op: _elements,
    Softmax.op: _vectors,
    Add.op: _elements,
    Multiply.op: _elements,
    Affine.op: _vectors,
    Concat.op: _copied,
    Rearrange.op: _copied,
    ArgMax.op: _vectors,
    PAD: lambda step: (*margin_terms(step.target), step.target.tensor.elements),
}
"""What the cost of each operator is a sum of."""


def estimate_unary_cycles(step: Step, core: CoreClass) -> int:
    """Estimated cycles of ``step`` without flash stalls and margins; 0 for an operator that nothing was measured of."""
    if step.op not in UNARY_TERMS:
        return 0
    return _cost(UNARY_COEFFICIENTS[core][step.op], UNARY_TERMS[step.op](step))


def estimate_margin_cycles(stored: Storage, core: CoreClass) -> int:
    """Estimated cycles of clearing the margins of a map."""
    return _cost(UNARY_COEFFICIENTS[core][PAD][:2], margin_terms(stored)) if stored.has_margins else 0


def with_margin_cycles(steps: Sequence[Step], core: CoreClass) -> tuple[Step, ...]:
    """The steps of a plan, those that copy the input between margins or clear margins with what that costs."""
    costed = []
    for step in steps:
        more = estimate_unary_cycles(step, core) if step.op == PAD else estimate_margin_cycles(step.target, core)
        costed.append(replace(step, estimated_cycles=step.estimated_cycles + more))
    return tuple(costed)


def _cost(coefficients: tuple[float, ...], terms: Terms) -> int:
    return round(sum(c * term for c, term in zip(coefficients, terms, strict=True)))
