"""Plans within limits: never worse than any combination, and one clear error where none fits."""

from itertools import product

import numpy as np
import pytest

from tests.networks import Builder
from tinybayes.errors import LimitError, UserError
from tinybayes.ir import Graph
from tinybayes.plan import OBJECTIVES, Limits, make_plan
from tinybayes.plan.candidates import bytes_together, candidates_of, parts, pinned
from tinybayes.plan.front import every_candidate, pareto_front
from tinybayes.plan.memory import Memory
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


def test_limits_that_exclude_each_other_are_told_with_what_each_could_be_beside_the_others() -> None:
    totals = list(map(bytes_and_cycles, COMBINATIONS))
    sizes, cycles = zip(*totals, strict=True)
    with pytest.raises(LimitError, match="the limits together cannot be met") as caught:
        make_plan(GRAPH, "balanced", limits=Limits(flash_bytes=min(sizes), cycles=min(cycles)))
    size = min(size for size, taken in totals if taken == min(cycles))
    taken = min(taken for size, taken in totals if size == min(sizes))
    assert f"this could be met: --max-flash {size} or --max-latency {taken}." in str(caught.value)


def convolutions() -> Graph:
    """A map that two layers read, one of them depthwise, and joins: margins, copies, scratch memory, overlaps."""
    chain = Builder(np.random.default_rng(5), (6, 5, 4), density=0.5, levels=12)
    chain.conv(6, (3, 3), padding=(1, 1, 1, 1)).grouped(6, (3, 3), 6, padding=(1, 1, 1, 1)).add("t0")
    return chain.conv(5, (3, 3), padding=(1, 1, 1, 1)).max_pool((2, 2)).argmax().graph()


def test_within_ram_the_least_cycles_of_all_plans_whose_arena_fits_are_found() -> None:
    graph = convolutions()
    plans: dict[int, int] = {}
    for combination in product(*(candidates_of(part, "dsp", graph.input) for part in parts(lower(graph)))):
        plan_cycles, arena_bytes = sum(c.estimated_cycles for c in combination), Memory(combination).arena_bytes
        plans[arena_bytes] = min(plan_cycles, plans.get(arena_bytes, plan_cycles))
    assert len(plans) >= 5
    for ram_bytes in sorted(plans):
        plan = make_plan(graph, "latency", limits=Limits(ram_bytes=ram_bytes + 7, buffers_bytes=7))
        assert plan.arena_bytes <= ram_bytes
        chosen = [pinned(part, {s.name: s.format for s in plan.steps}) for part in every_candidate(graph, "cortex-m4")]
        assert sum(c.estimated_cycles for c in chosen) == min(plans[size] for size in plans if size <= ram_bytes)
    least = min(plans)
    with pytest.raises(
        LimitError, match=rf"at best {least} bytes of arena .* 1 more than the {least - 1} of --max-ram"
    ):
        make_plan(graph, "latency", limits=Limits(ram_bytes=least - 1))


def test_what_lies_in_place_is_not_counted_twice() -> None:
    chain = Builder(np.random.default_rng(0), (8, 8, 16), density=1.0, levels=200).grouped(16, (1, 1), 16)
    graph = chain.grouped(16, (3, 3), 16, padding=(1, 1, 1, 1)).flatten().linear(2).graph()
    arena_bytes = make_plan(graph, "latency").arena_bytes
    assert arena_bytes < 2 * 8 * 8 * 16
    assert make_plan(graph, "latency", limits=Limits(ram_bytes=arena_bytes)).arena_bytes == arena_bytes


def shared_tables() -> Graph:
    chain = Builder(np.random.default_rng(2), (40,), density=0.3, levels=12).linear(30)
    table = np.arange(256, dtype=np.uint8).view(np.int8)
    return chain.pointwise(table=table).linear(30).pointwise(table=table).linear(4).graph()


def test_tables_that_layers_share_are_counted_once() -> None:
    graph = shared_tables()
    plan = make_plan(graph, "flash")
    every = every_candidate(graph, "cortex-m4")
    assert sum(min(c.size_bytes for c in part) for part in every) == plan.weights_bytes + 256
    assert make_plan(graph, "flash", limits=Limits(flash_bytes=plan.weights_bytes)).weights_bytes == plan.weights_bytes
    front = pareto_front(every)
    assert front[0].weights_bytes == plan.weights_bytes
    for choice in front:
        assert make_plan(graph, "flash", formats=choice.formats).weights_bytes == choice.weights_bytes
    with pytest.raises(LimitError, match=f"at best {plan.weights_bytes} bytes of weights"):
        make_plan(graph, "flash", limits=Limits(flash_bytes=plan.weights_bytes - 1))


def test_selections_that_two_layers_share_may_pay_together() -> None:
    rng = np.random.default_rng(4)
    keep = np.flatnonzero(rng.random(400) < 0.5)
    chain = Builder(rng, (400,), density=0.05, levels=9).select(keep).linear(6, "uint8")
    graph = chain.back_to("x").select(keep).linear(6, "uint8").concat(("t1",)).linear(3).graph()
    every = every_candidate(graph, "cortex-m4")
    best = min(bytes_together(combination) for combination in product(*every))
    assert make_plan(graph, "flash").weights_bytes == pareto_front(every)[0].weights_bytes == best


def test_the_layer_named_is_the_one_that_takes_most_in_the_best_plan() -> None:
    graph = shared_tables()
    layers = {step.name: step.weights_bytes for step in make_plan(graph, "flash").steps}
    name = max(layers, key=lambda layer: layers[layer])
    with pytest.raises(LimitError, match=rf"of weights are attained \(layer '{name}' takes most, {layers[name]}\)"):
        make_plan(graph, "flash", limits=Limits(flash_bytes=1))


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
