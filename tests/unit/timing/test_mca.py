"""The models of the Cortex-M7 and M55 against llvm-mca, whose tables are others'."""

from pathlib import Path

import pytest

from tests.unit.timing.loops import GATHER, LOOPS, llvm_mca, mca_cycles, model_cycles

TOOL = llvm_mca()
NAMED = [(core, name) for core, loops in LOOPS.items() for name in loops]


def test_there_are_five_loops_for_each_core() -> None:
    assert {core: len(loops) for core, loops in LOOPS.items()} == {"cortex-m7": 5, "cortex-m55": 5}


@pytest.mark.skipif(TOOL is None, reason="a current llvm-mca is not installed")
@pytest.mark.parametrize(("core", "name"), NAMED)
def test_steady_state_is_within_ten_percent(core: str, name: str, tmp_path: Path) -> None:
    assert TOOL is not None
    body = LOOPS[core][name]
    assert model_cycles(core, body, tmp_path) == pytest.approx(mca_cycles(core, body, TOOL), rel=0.1)


def test_a_gather_costs_two_accesses_a_cycle(tmp_path: Path) -> None:
    """Arm's guide says so, which llvm-mca does not: see docs/timing.md."""
    assert model_cycles("cortex-m55", GATHER, tmp_path) >= 8 + 2 + 2
