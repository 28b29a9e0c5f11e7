"""Cortex-M0+, from Arm DDI 0484C (Cortex-M0+ Technical Reference Manual, r0p1), table 3-1.

No instruction's time depends on its neighbours. Loads and stores take 2 cycles; the 1 cycle of a single-cycle I/O
port is for peripherals, which a network does not touch. Wait states are 0.
"""

from tinybayes.timing.cores.armv6m import armv6m_costs
from tinybayes.timing.scalar import ScalarModel

_TABLE = "DDI 0484C, table 3-1"
_POP_PC_CYCLES = 2  # POP {..., PC}: 3 + N, N counting PC


def _model(multiply: int) -> ScalarModel:
    return ScalarModel(
        core="cortex-m0plus",
        version=f"cortex-m0plus, multiplier {multiply}, 1",
        costs=armv6m_costs(_TABLE, branch=2, call=3, system=3, multiply=multiply),
        load_pc_cycles=_POP_PC_CYCLES,
    )


CORTEX_M0PLUS = _model(1)
"""With the multiplier of one cycle."""
CORTEX_M0PLUS_SLOW_MULTIPLIER = _model(32)
"""With the multiplier of 32 cycles."""
