"""Estimated cycles of operators without weights: to keep within a limit, never reported as a measurement.

Each is a sum of two terms, fitted to cycles of the model (docs/timing.md) for maps of 4 to 600 elements and windows of
2 x 2 to 4 x 4: within 15 % for the largest of them, and within a factor of two for poolings, whose loops the compiler
unrolls for small windows only.
"""

from collections.abc import Callable, Mapping

from tinybayes.ir import AveragePool, MaxPool, SpanPool
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.steps import Step


def _elements(step: Step) -> tuple[int, int]:
    return step.source.tensor.elements, 1


def _vectors(step: Step) -> tuple[int, int]:
    tensor = step.source.tensor
    return tensor.elements, tensor.elements // tensor.channels


def _windows(step: Step) -> tuple[int, int]:
    """Elements that windows read, and windows."""
    node, outputs = step.node, step.target.tensor.elements
    if isinstance(node, SpanPool):
        rows, columns = (sum(stop - start for start, stop in spans) for spans in (node.rows, node.columns))
        return rows * columns * step.target.tensor.channels, outputs
    assert isinstance(node, MaxPool | AveragePool)
    return outputs * node.window[0] * node.window[1], outputs


TERMS: Mapping[str, Callable[[Step], tuple[int, int]]] = {
    "pointwise": _elements,
    "requantize": _elements,
    "softmax": _vectors,
    "argmax": _vectors,
    "max_pool": _windows,
    "average_pool": _windows,
    "max_pool_spans": _windows,
    "average_pool_spans": _windows,
}
"""What the cost of each operator is a sum of."""

COEFFICIENTS: Mapping[CoreClass, Mapping[str, tuple[float, float]]] = {
    "armv6m": {
        "pointwise": (6.7, 20), "requantize": (18, 20), "softmax": (49, 80), "argmax": (16, 4), "max_pool": (12, 0),
        "average_pool": (10, 0), "max_pool_spans": (25, 2), "average_pool_spans": (12.3, 41),
    },
    "armv7m": {
        "pointwise": (4.3, 9), "requantize": (7.4, 9), "softmax": (35, 28), "argmax": (12.8, 3), "max_pool": (8.5, 0),
        "average_pool": (6.8, 0), "max_pool_spans": (17.4, 0), "average_pool_spans": (16.2, 0),
    },
    "dsp": {
        "pointwise": (4.2, 5), "requantize": (6.9, 8), "softmax": (34, 21), "argmax": (12.8, 3), "max_pool": (8.5, 0),
        "average_pool": (6.4, 0), "max_pool_spans": (15.9, 5.8), "average_pool_spans": (16.5, 0),
    },
    "mve": {
        "pointwise": (0.94, 14), "requantize": (5.7, 10), "softmax": (27, 50), "argmax": (9.0, 9), "max_pool": (7.6, 0),
        "average_pool": (5.0, 0), "max_pool_spans": (15.3, 0), "average_pool_spans": (13.6, 0),
    },
}  # fmt: skip
"""In cycles at zero wait states, by class of core and operator."""


def estimate_unary_cycles(step: Step, core: CoreClass) -> int:
    """Estimated cycles of ``step`` without flash stalls; 0 for an operator that nothing was measured of."""
    if step.op not in TERMS:
        return 0
    return round(sum(c * term for c, term in zip(COEFFICIENTS[core][step.op], TERMS[step.op](step), strict=True)))
