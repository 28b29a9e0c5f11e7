"""The trained networks that ship keep what their recipes promise, and their figures are their own."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tinybayes import tbn
from tinybayes.plan.ordering import plan_in_best_order
from tinybayes.plan.plan import NO_LIMITS
from tinybayes.recipes import KNOBS

EXAMPLES = Path(__file__).parents[3] / "examples"
SHIPPED = [recipe for recipe in KNOBS if (EXAMPLES / f"{recipe}.json").exists()]
UNSTRUCTURED_BYTES = json.loads((EXAMPLES / "imu-user-id.json").read_text(encoding="utf-8"))["weights_bytes"]
FASHION_FLOAT_BYTES = 4 * 430_500


@dataclass(frozen=True)
class Most:
    """What a shipped network may have at most: bytes in flash, and an error in percent or points lost to float."""

    weights_bytes: float
    error_percent: float = 100.0
    lost_points: float = 100.0


MOST = {
    "mnist-lenet300": Most(4_200, error_percent=1.9),
    "mnist-lenet300-low": Most(9_000, error_percent=1.6),
    "mnist-lenet5": Most(3_300, error_percent=0.85),
    "mnist-lenet5-small": Most(2_300, error_percent=1.0),
    "fashion-lenet5": Most(FASHION_FLOAT_BYTES / 100, lost_points=0.5),
    # The bytes are what is reached. 1,500 are aimed at, and not reached: docs/compression.md says what was tried.
    "imu-user-id": Most(3_200, lost_points=1.0),
    "imu-user-id-blocks": Most(1.6 * UNSTRUCTURED_BYTES, lost_points=1.0),
}


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


def test_every_recipe_promises_something() -> None:
    assert MOST.keys() == KNOBS.keys()


@pytest.mark.parametrize("recipe", MOST)
def test_error_and_size_are_within_what_is_promised(recipe: str) -> None:
    if recipe not in SHIPPED:
        pytest.skip(f"examples/ has no {recipe} yet")
    record = json.loads((EXAMPLES / f"{recipe}.json").read_text(encoding="utf-8"))
    most = MOST[recipe]
    assert record["flash"]["weights_bytes"] <= most.weights_bytes
    assert record["test_error_percent"] <= most.error_percent
    assert record["test_error_percent"] - record["float_error_percent"] <= most.lost_points
