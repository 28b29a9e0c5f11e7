"""The trained networks that ship keep what their recipes promise, and their figures are their own."""

import json
from pathlib import Path

import pytest

from tinybayes import tbn
from tinybayes.plan.ordering import plan_in_best_order
from tinybayes.plan.plan import NO_LIMITS
from tinybayes.recipes import KNOBS

EXAMPLES = Path(__file__).parents[3] / "examples"
SHIPPED = [recipe for recipe in KNOBS if (EXAMPLES / f"{recipe}.json").exists()]
MOST = {
    "mnist-lenet300": (1.9, 4200),
    "mnist-lenet300-low": (1.6, 9000),
    "mnist-lenet5": (0.85, 3300),
    "mnist-lenet5-small": (1.0, 2300),
}
"""Test error in percent, and bytes in flash."""


@pytest.mark.parametrize("recipe", SHIPPED)
def test_figures_are_those_of_the_network(recipe: str) -> None:
    record = json.loads((EXAMPLES / f"{recipe}.json").read_text(encoding="utf-8"))
    graph = tbn.load(EXAMPLES / f"{recipe}.tbn")
    assert graph.facts["recipe"] == record["recipe"] == recipe
    assert graph.facts["seed"] == record["seed"]
    assert sum(node.nonzero for node in graph.mac_nodes) == record["nonzero"]
    assert plan_in_best_order(graph, "flash", "cortex-m4", NO_LIMITS).weights_bytes == record["flash"]["weights_bytes"]
    shipped = next(seed for seed in record["seeds"] if seed["seed"] == record["seed"])
    assert shipped["integer_accuracy"] == record["integer_accuracy"]
    assert record["test_error_percent"] == pytest.approx(100 * (1 - record["integer_accuracy"]), abs=1e-3)
    accuracies = sorted(seed["integer_accuracy"] for seed in record["seeds"])
    assert record["integer_accuracy"] == accuracies[(len(accuracies) - 1) // 2], "the median seed ships"


@pytest.mark.parametrize("recipe", [recipe for recipe in SHIPPED if recipe in MOST])
def test_error_and_size_are_within_what_is_promised(recipe: str) -> None:
    record = json.loads((EXAMPLES / f"{recipe}.json").read_text(encoding="utf-8"))
    most_error_percent, most_bytes = MOST[recipe]
    assert record["test_error_percent"] <= most_error_percent
    assert record["flash"]["weights_bytes"] <= most_bytes
