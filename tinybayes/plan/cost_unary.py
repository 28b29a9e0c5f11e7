"""Estimated cycles of operators without weights: by element, and by call."""

from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.steps import Step

COEFFICIENTS: dict[CoreClass, dict[str, tuple[float, float]]] = {
    "armv6m": {"pointwise": (7.5, 20.0)},
    "armv7m": {"pointwise": (5.0, 9.0)},
    "dsp": {"pointwise": (5.0, 5.0)},
    "mve": {"pointwise": (0.94, 5.0)},
}


def estimate_unary_cycles(step: Step, core: CoreClass) -> int:
    """Estimated cycles of ``step`` without flash stalls; 0 for an operator that nothing was measured of."""
    per_element, per_call = COEFFICIENTS[core].get(step.op, (0.0, 0.0))
    return round(per_element * step.source.tensor.elements + per_call)
