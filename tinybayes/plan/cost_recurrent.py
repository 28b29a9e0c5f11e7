"""Estimated cycles of recurrent operators: of their products, and of each unit at each position."""

from tinybayes.ir import Linear, Recurrent, Tensor
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.cost_linear import LinearLayer, estimate_linear_cycles
from tinybayes.plan.formats import Encoding
from tinybayes.plan.formats.recurrent import PARTS, part_of

UNIT_CYCLES: dict[CoreClass, dict[str, float]] = {
    "armv6m": {"gru": 309.0, "lstm": 430.0},  # within 8.7%
    "armv7m": {"gru": 126.0, "lstm": 162.0},  # within 5.9%
    "dsp": {"gru": 108.0, "lstm": 146.0},  # within 10.0%
    "mve": {"gru": 126.0, "lstm": 144.0},  # within 13.0%
}
"""Estimated cycles of one unit's gates and state at one position, the products apart.

As ``scripts/fit_recurrent_cost.py`` prints them.
"""


def recurrent_cycles(node: Recurrent, encoding: Encoding, source: Tensor, core: CoreClass) -> int:
    """Estimated cycles over the series ``source``; wide states are multiplied as high and as low bytes."""
    given, state = (
        _matrix_cycles(layer, part_of(encoding, part), tensor, core)
        for layer, part, tensor in zip(
            node.weighted, PARTS, (source, Tensor("states", (1, node.units), "int8")), strict=True
        )
    )
    planes = 2 if node.state_bits == 16 else 1
    return round(source.shape[0] * (given + planes * state + UNIT_CYCLES[core][node.op] * node.units))


def _matrix_cycles(layer: Linear, encoding: Encoding, source: Tensor, core: CoreClass) -> int:
    vector = Tensor(source.name, (source.channels,), source.dtype)
    return estimate_linear_cycles(LinearLayer(layer, encoding, vector), core)
