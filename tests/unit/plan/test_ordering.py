"""Orders of hidden channels: blocks that were torn apart are put together again, and nothing gets worse."""

from contextlib import suppress

import numpy as np
import pytest

from tests.networks import Builder, random_inputs, torn_blocks
from tinybayes.errors import LimitError
from tinybayes.plan import Limits, Plan, make_plan
from tinybayes.plan.ordering import alike, front_in_best_orders, ordered, plan_in_best_order
from tinybayes.reference import execute


@pytest.mark.parametrize(("rows", "columns", "core"), [(4, 1, "cortex-m0"), (1, 4, "cortex-m4")])
def test_blocks_are_found_again(rows: int, columns: int, core: str) -> None:
    graph = torn_blocks(rows, columns)
    before, found = make_plan(graph, "flash", core), ordered(graph, "flash", core)
    after = make_plan(found, "flash", core)
    assert f"blocks{rows}x{columns}" in {step.format for step in after.steps}
    assert after.weights_bytes < 0.9 * before.weights_bytes
    inputs = random_inputs(np.random.default_rng(0), graph, 8)
    np.testing.assert_array_equal(execute(found, inputs)[found.output], execute(graph, inputs)[graph.output])


@pytest.mark.parametrize("objective", ["flash", "latency", "balanced"])
def test_no_order_is_worse(objective: str) -> None:
    graph = Builder(np.random.default_rng(2), (90,), density=0.1).linear(40, "uint8").linear(9).graph()
    before, after = (make_plan(one, objective, "cortex-m4") for one in (graph, ordered(graph, objective, "cortex-m4")))
    figures = {
        "flash": lambda plan: plan.weights_bytes,
        "latency": lambda plan: sum(step.estimated_cycles for step in plan.steps),
        "balanced": lambda plan: plan.weights_bytes * sum(step.estimated_cycles for step in plan.steps),
    }
    assert figures[objective](after) <= figures[objective](before)


def test_alike_rows_come_together() -> None:
    mask = np.kron(np.eye(3, dtype=bool), np.ones((4, 5), bool))
    shuffled = np.random.default_rng(0).permutation(12)
    order = alike(mask[shuffled], 4)
    groups = shuffled[order].reshape(3, 4) // 4
    assert (groups == groups[:, :1]).all()


def test_a_network_can_fit_only_in_another_order_and_limits_still_hold() -> None:
    graph = torn_blocks(1, 4)
    plain = make_plan(graph, "flash", "cortex-m4").weights_bytes
    least = plan_in_best_order(graph, "flash", "cortex-m4", Limits())
    assert least.weights_bytes < plain
    limits = Limits(flash_bytes=plain - 1)
    with pytest.raises(LimitError):
        make_plan(graph, "flash", "cortex-m4", limits=limits)
    assert plan_in_best_order(graph, "flash", "cortex-m4", limits).weights_bytes < plain
    with pytest.raises(LimitError):
        plan_in_best_order(graph, "flash", "cortex-m4", Limits(flash_bytes=100))


def test_each_choice_of_the_front_is_what_an_objective_comes_to_within_its_bytes_and_cycles() -> None:
    graph = torn_blocks(1, 4)
    front = front_in_best_orders(graph, "cortex-m4")
    assert any(network is not graph for network, _ in front), "another order is better somewhere"
    figures = [(choice.weights_bytes, choice.estimated_cycles) for _, choice in front]
    assert figures == sorted(figures)
    assert [cycles for _, cycles in figures] == sorted((cycles for _, cycles in figures), reverse=True)
    for network, choice in front:
        pinned = make_plan(network, "balanced", "cortex-m4", choice.formats)
        assert _figures(pinned) == (choice.weights_bytes, choice.estimated_cycles)
        limits = Limits(flash_bytes=choice.weights_bytes, cycles=choice.estimated_cycles)
        compiled = set()
        for objective in ("flash", "latency", "balanced"):
            with suppress(LimitError):  # in the order of that objective nothing is as small and as fast
                compiled.add(_figures(plan_in_best_order(graph, objective, "cortex-m4", limits)))
        assert compiled == {_figures(pinned)}


def _figures(plan: Plan) -> tuple[int, int]:
    return plan.weights_bytes, sum(step.estimated_cycles for step in plan.steps)
