"""Orders of hidden channels: blocks that were torn apart are put together again, and nothing gets worse."""

import numpy as np
import pytest

from tests.networks import Builder, random_inputs
from tinybayes.errors import LimitError
from tinybayes.ir import Graph
from tinybayes.passes.order_channels import links, order_channels
from tinybayes.plan import Limits, make_plan
from tinybayes.plan.ordering import alike, ordered, plan_in_best_order
from tinybayes.reference import execute


def torn_blocks(rows: int, columns: int) -> Graph:
    """Two layers in blocks whose hidden channels were shuffled, many levels: no other format is as small."""
    chain = Builder(np.random.default_rng(4), (160,), density=1.0, levels=200).linear(80, "uint8").linear(48)
    for node in chain.nodes:
        outputs, _, _, inputs = node.weight.shape  # type: ignore[attr-defined]
        live = chain.rng.random((outputs // rows, inputs // columns)) < 0.12
        node.weight[:] *= np.kron(live, np.ones((rows, columns), np.int8)).reshape(node.weight.shape)  # type: ignore[attr-defined]
    graph = chain.graph()
    return order_channels(graph, next(links(graph)), chain.rng.permutation(80))


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
