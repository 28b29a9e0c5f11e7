"""Cortex-M4 with or without its FPU, from Arm 100166_0001 (Cortex-M4 Technical Reference Manual, r0p1).

Table 3-1 (instructions), table 3-2 (DSP instructions), "Load/store timings" behind them, and table 7-1 (FPU
instructions). What the manual leaves open is from measurements on an STM32F407 (jnk0le/random, doc/cortex_m3m4.md): a
load that updates its base register can follow another load unless it uses the same base.
"""

from tinybayes.timing.cores.armv7m import LOAD_REFILL_CYCLES, armv7m_costs
from tinybayes.timing.instruction import Kind
from tinybayes.timing.scalar import Cost, ScalarModel

_TABLE = "Arm 100166_0001, table 3-1"
_TIMINGS = "Arm 100166_0001, load/store timings"
_DSP = "Arm 100166_0001, table 3-2"
_FPU = "Arm 100166_0001, FPU instruction set table"

CORTEX_M4 = ScalarModel(
    core="cortex-m4",
    version="cortex-m4, 1",
    costs={
        **armv7m_costs(_TABLE, _TIMINGS),
        Kind.MULTIPLY_ADD: Cost(1, f"{_TABLE}: MLA, MLS"),
        Kind.MULTIPLY_LONG: Cost(1, f"{_TABLE}: SMULL, UMULL"),
        Kind.MULTIPLY_ADD_LONG: Cost(1, f"{_TABLE}: SMLAL, UMLAL, UMAAL"),
        Kind.MULTIPLY_DSP: Cost(1, f"{_DSP}: SMULxy, SMLAxy, SMLAD, SMUAD, SMMUL and their like"),
        Kind.FLOAT: Cost(1, f"{_FPU}: VADD, VSUB, VABS, VNEG, VCMP, VCVT"),
        Kind.FLOAT_MOVE: Cost(0, f"{_FPU}: VMOV 1, of two registers 2; VMRS 1", per_register=1),
        Kind.FLOAT_MULTIPLY: Cost(1, f"{_FPU}: VMUL, VNMUL"),
        Kind.FLOAT_MULTIPLY_ADD: Cost(3, f"{_FPU}: VMLA, VMLS, VFMA, VFMS"),
        Kind.FLOAT_DIVIDE: Cost(14, f"{_FPU}: VDIV, VSQRT"),
        Kind.FLOAT_LOAD: Cost(1, f"{_FPU}: VLDR.32 2, VLDR.64 3", per_register=1),
        Kind.FLOAT_LOAD_MULTIPLE: Cost(1, f"{_FPU}: VLDM, VPOP, 1 + words", per_register=1),
        Kind.FLOAT_STORE: Cost(1, f"{_FPU}: VSTR.32 2, VSTR.64 3", per_register=1),
        Kind.FLOAT_STORE_MULTIPLE: Cost(1, f"{_FPU}: VSTM, VPUSH, 1 + words", per_register=1),
    },
    pipelines_loads=True,
    register_offset_store_cycles=1,
    late_address_cycles=1,
    float_result_cycles=1,
    load_pc_cycles=LOAD_REFILL_CYCLES,
    wide_target_cycles=1,
    wide_run_cycles=1,
)
