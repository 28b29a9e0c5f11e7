"""Cortex-M0, from Arm DDI 0432C (Cortex-M0 Technical Reference Manual, r0p0), table 3-1.

No instruction's time depends on its neighbours; jnk0le/random, doc/cortex_m0.md, measured that a load's result can be
used at once. Wait states are 0.
"""

from tinybayes.timing.cores.armv6m import armv6m_costs
from tinybayes.timing.scalar import ScalarModel

_TABLE = "DDI 0432C, table 3-1"
_POP_PC_CYCLES = 3  # POP {..., PC}: 4 + N, N counting PC


def _model(multiply: int) -> ScalarModel:
    return ScalarModel(
        core="cortex-m0",
        version=f"cortex-m0, multiplier {multiply}, 1",
        costs=armv6m_costs(_TABLE, branch=3, call=4, system=4, multiply=multiply),
        load_pc_cycles=_POP_PC_CYCLES,
    )


CORTEX_M0 = _model(1)
"""With the multiplier of one cycle."""
CORTEX_M0_SLOW_MULTIPLIER = _model(32)
"""With the multiplier of 32 cycles."""
