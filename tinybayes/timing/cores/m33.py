"""Cortex-M33: in order, one instruction a cycle; no timing table is published by Arm. The facts are in armv8m.py."""

from tinybayes.timing.cores.armv8m import pairs, taken_cycles, timing_of
from tinybayes.timing.in_order import InOrderModel
from tinybayes.timing.issue import IssueRules

CORTEX_M33 = InOrderModel(
    core="cortex-m33",
    version="cortex-m33, 2",
    rules=IssueRules(timing_of=timing_of, pairs=pairs, units={"scalar": 2, "float": 1}, taken_cycles=taken_cycles),
)
"""The Cortex-M33 at zero wait states."""
