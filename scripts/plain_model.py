"""A plainer timing model than the project's own, for bars that were set with one: what CMSIS-NN was counted by.

Zero wait states, instructions in order. A load takes two cycles, or one right behind another load or store (Armv6-M:
always two), a taken branch two more than one that is not, whatever its target. All else is as the project's own tables
of the core have it; what those charge for operands, alignment and neighbours besides is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from tinybayes.timing.cores import MODELS
from tinybayes.timing.instruction import LOADS, STORES, Instruction, Kind
from tinybayes.timing.scalar import Cost, ScalarModel

TAKEN_CYCLES = 2
_BRANCHES = (Kind.BRANCH, Kind.COMPARE_BRANCH, Kind.CALL, Kind.CALL_REGISTER, Kind.BRANCH_REGISTER)


@dataclass(frozen=True)
class PlainModel(ScalarModel):
    """Loads depend on nothing but the instruction before them."""

    def cycles_after(self, before: Instruction, instruction: Instruction) -> int:
        """Cycles of ``instruction`` right after ``before``."""
        cycles = self.cycles_alone(instruction)
        behind = instruction.kind is Kind.LOAD and before.kind in LOADS | STORES
        return cycles - 1 if behind and self.pipelines_loads else cycles


def _plain(core: str) -> PlainModel:
    own = MODELS[core]
    assert isinstance(own, ScalarModel)
    costs: dict[Kind, Cost] = {
        kind: replace(cost, taken=TAKEN_CYCLES) if kind in _BRANCHES else cost for kind, cost in own.costs.items()
    }
    return PlainModel(
        core, "plain", costs, by_name=own.by_name, pipelines_loads=own.pipelines_loads, load_pc_cycles=TAKEN_CYCLES
    )


PLAIN_MODELS: Mapping[str, PlainModel] = MappingProxyType(
    {core: _plain(core) for core in ("cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4")}
)
"""By core."""
