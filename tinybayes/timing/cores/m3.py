"""Cortex-M3, from Arm DDI 0337I (Cortex-M3 Technical Reference Manual, r2p1), table 3-1 and "Load/store timings"
behind it.

What the manual leaves open is from measurements on an STM32F103 (jnk0le/random, doc/cortex_m3m4.md): of loads that
follow each other only the first may update its base register. Long products end early for small operands; the model
takes the most, so that a count is also the worst case.
"""

from tinybayes.timing.cores.armv7m import LOAD_REFILL_CYCLES, armv7m_costs
from tinybayes.timing.instruction import Kind
from tinybayes.timing.scalar import Cost, ScalarModel

_TABLE = "DDI 0337I, table 3-1"
_TIMINGS = "DDI 0337I, load/store timings, page 3-9"

CORTEX_M3 = ScalarModel(
    core="cortex-m3",
    version="cortex-m3, 1",
    costs={
        **armv7m_costs(_TABLE, _TIMINGS),
        Kind.MULTIPLY_ADD: Cost(2, f"{_TABLE}: MLA, MLS"),
        Kind.MULTIPLY_LONG: Cost(5, f"{_TABLE}: SMULL, UMULL, 3 to 5 by operands", low=3, high=5),
        Kind.MULTIPLY_ADD_LONG: Cost(7, f"{_TABLE}: SMLAL, UMLAL, 4 to 7 by operands", low=4, high=7),
    },
    pipelines_loads=True,
    chains_writeback=False,
    register_offset_store_cycles=1,
    late_address_cycles=1,
    load_pc_cycles=LOAD_REFILL_CYCLES,
    wide_target_cycles=1,
    wide_run_cycles=1,
)
