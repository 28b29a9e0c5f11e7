"""Plans within limits: never worse than any combination, and one clear error where none fits."""

from itertools import product

import numpy as np
import pytest

from tests.networks import Builder
from tinybayes.errors import LimitError, UserError
from tinybayes.ir import Graph
from tinybayes.plan import OBJECTIVES, Limits, make_plan
from tinybayes.plan.candidates import candidates_of, parts
from tinybayes.plan.objective import costs
from tinybayes.plan.steps import lower


def network() -> Graph:
    rng = np.random.default_rng(3)
    chain = Builder(rng, (300,), density=0.1, levels=12).select(np.flatnonzero(rng.random(300) < 0.7))
    return chain.linear(40, "uint8").linear(20, "uint8").linear(5).graph()


GRAPH = network()
EVERY = [candidates_of(part, "dsp") for part in parts(lower(GRAPH))]
COMBINATIONS = list(product(*EVERY))


def bytes_and_cycles(plan_candidates: tuple) -> tuple[int, int]:
    return sum(c.size_bytes for c in plan_candidates), sum(c.estimated_cycles for c in plan_candidates)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_plan_within_limits_is_the_best_of_all_combinations(objective: str, share: float) -> None:
    sizes, cycles = zip(*map(bytes_and_cycles, COMBINATIONS), strict=True)
    limits = Limits(
        flash_bytes=round(min(sizes) + share * (max(sizes) - min(sizes))),
        cycles=round(min(cycles) + 0.6 * (max(cycles) - min(cycles))),
    )
    cost_of = [dict(zip(map(id, part), costs(objective, part), strict=True)) for part in EVERY]
    fitting = [
        sum(cost[id(c)] for cost, c in zip(cost_of, combination, strict=True))
        for combination in COMBINATIONS
        if bytes_and_cycles(combination)[0] <= limits.flash_bytes and bytes_and_cycles(combination)[1] <= limits.cycles
    ]
    plan = make_plan(GRAPH, objective, limits=limits)
    assert plan.weights_bytes <= limits.flash_bytes
    assert sum(step.estimated_cycles for step in plan.steps) <= limits.cycles
    formats = {step.name: step.format for step in plan.steps}
    (chosen,) = (
        combination for combination in COMBINATIONS if {k: v for c in combination for k, v in c.formats} == formats
    )
    got = sum(cost[id(c)] for cost, c in zip(cost_of, chosen, strict=True))
    assert got == pytest.approx(min(fitting), rel=1e-6)


def test_limits_that_no_plan_keeps_are_named_with_the_best_that_is_attained() -> None:
    least = min(bytes_and_cycles(combination)[0] for combination in COMBINATIONS)
    with pytest.raises(LimitError, match=rf"--max-flash cannot be met\. .* at best {least} bytes of weights .*layer"):
        make_plan(GRAPH, "latency", limits=Limits(flash_bytes=least - 1))
    with pytest.raises(LimitError, match=r"--max-latency \(1 ms\) cannot be met"):
        make_plan(GRAPH, "flash", limits=Limits(cycles=10, latency=" (1 ms)"))
    with pytest.raises(LimitError, match=r"--max-ram cannot be met"):
        make_plan(GRAPH, "flash", limits=Limits(ram_bytes=3))


def test_limits_that_exclude_each_other_are_told() -> None:
    sizes, cycles = zip(*map(bytes_and_cycles, COMBINATIONS), strict=True)
    with pytest.raises(LimitError, match="the limits together cannot be met"):
        make_plan(GRAPH, "balanced", limits=Limits(flash_bytes=min(sizes), cycles=min(cycles)))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_plan_is_made_again_from_its_formats(objective: str) -> None:
    for core in ("cortex-m0", "cortex-m4", "cortex-m55"):
        plan = make_plan(GRAPH, objective, core)
        again = make_plan(GRAPH, "flash", core, {step.name: step.format for step in plan.steps})
        assert [(s.name, s.format, s.weights_bytes) for s in again.steps] == [
            (s.name, s.format, s.weights_bytes) for s in plan.steps
        ]


def test_formats_that_are_not_legal_are_refused() -> None:
    with pytest.raises(UserError, match=r"no weight formats of .* are legal"):
        make_plan(GRAPH, "flash", formats={node.name: "tans" for node in GRAPH.nodes})


def test_a_layer_may_read_the_unselected_input_and_then_nothing_is_copied() -> None:
    assert [step.kernel for step in make_plan(GRAPH, "latency").steps] == ["linear_straight"] * 3
