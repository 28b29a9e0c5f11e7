"""Estimated cycles of recurrent operators: of their products, and of each unit at each position."""

from tinybayes.ir import Recurrent
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.cost import estimate_cycles

UNIT_CYCLES: dict[CoreClass, dict[str, float]] = {
    "armv6m": {"gru": 200.0, "lstm": 250.0},
    "armv7m": {"gru": 120.0, "lstm": 160.0},
    "dsp": {"gru": 110.0, "lstm": 150.0},
    "mve": {"gru": 90.0, "lstm": 120.0},
}
"""Estimated cycles of one unit's gates and state at one position, the products apart."""


def recurrent_cycles(node: Recurrent, weight_format: str, positions: int, core: CoreClass) -> int:
    """Estimated cycles over ``positions``; both planes of wide states are multiplied."""
    given = estimate_cycles(node.from_input, weight_format, core)
    state = estimate_cycles(node.from_state, weight_format, core)
    planes = 2 if node.state_bits == 16 else 1
    return round(positions * (given + planes * state + UNIT_CYCLES[core][node.op] * node.units))
