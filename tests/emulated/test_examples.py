"""The shipped networks hold what the project promises, measured on the emulated Cortex-M4."""

import json
import math
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from tinybayes import tbn
from tinybayes.boards import CORES, load_board
from tinybayes.datasets.samples import read_samples
from tinybayes.deployment import Deployment
from tinybayes.ir import Graph
from tinybayes.pipeline import compile_network, reference_accuracy, reference_classes

EXAMPLES = Path(__file__).parents[2] / "examples"
RECIPES = ("imu-user-id", "mnist-lenet300")
BOARD = load_board("mps2-an386")


@pytest.fixture(scope="module", params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def graph(recipe: str) -> Graph:
    return tbn.load(EXAMPLES / f"{recipe}.tbn")


def compiled(graph: Graph, out: Path, objective: str, protocol: str = "frames") -> Deployment:
    deployment = compile_network(graph, BOARD, out, objective=objective, protocol=protocol)
    deployment.build()
    return deployment


@pytest.mark.emulated
@pytest.mark.parametrize("objective", ["flash", "latency", "balanced"])
def test_every_bit_agrees_on_host_and_qemu(graph: Graph, objective: str, tmp_path: Path) -> None:
    verdicts = compiled(graph, tmp_path / "out", objective).verify(("host", "qemu"), device_samples=32)
    for place, verdict in verdicts.items():
        assert verdict.mismatches == 0, f"{place}: {verdict.first_mismatch}"


def test_weights_fit_the_promised_bytes(recipe: str, graph: Graph, tmp_path: Path) -> None:
    deployment = compile_network(graph, BOARD, tmp_path / "out", objective="flash")
    assert deployment.record["flash"]["weights_bytes"] <= {"imu-user-id": 3500, "mnist-lenet300": 6500}[recipe]


@pytest.mark.emulated
@pytest.mark.parametrize(("objective", "most"), [("flash", 160_000), ("latency", 45_000)])
def test_lenet300_takes_few_instructions(objective: str, most: int, tmp_path: Path) -> None:
    graph = tbn.load(EXAMPLES / "mnist-lenet300.tbn")
    assert compiled(graph, tmp_path / "out", objective).measure_latency() <= most


@pytest.mark.emulated
@pytest.mark.parametrize("recipe_name", RECIPES)
def test_two_different_inputs_take_the_same_cycles(recipe_name: str, tmp_path: Path) -> None:
    deployment = compiled(tbn.load(EXAMPLES / f"{recipe_name}.tbn"), tmp_path / "out", "flash")
    deployment.measure_latency()
    first = (deployment.record["latency"], deployment.record["layers"])
    main = tmp_path / "out" / "firmware" / "main_bare.c"
    text = main.read_text()
    assert text.count("uint32_t state = 1;") == 1
    main.write_text(text.replace("uint32_t state = 1;", "uint32_t state = 2026;"))
    again = Deployment.open(tmp_path / "out")
    again.measure_latency()
    assert (again.record["latency"], again.record["layers"]) == first


@pytest.mark.emulated
@pytest.mark.parametrize("name", ["nucleo-g071rb", "nucleo-f446re"])
def test_board_that_qemu_lacks_is_traced_on_a_machine_like_it(name: str, tmp_path: Path) -> None:
    """The same instructions as the board's own image has; where code lies differs, and with it some refills."""
    graph = tbn.load(EXAMPLES / "mnist-lenet300.tbn")
    deployment = compile_network(graph, load_board(name), tmp_path / "out", objective="latency")
    deployment.build()
    static = dict(deployment.record["latency"])
    deployment.measure_latency()
    emulated = deployment.record["latency"]
    assert (static["source"], emulated["source"]) == ("static", "emulated")
    assert emulated["instructions"] == static["instructions"]
    assert emulated["cycles"] == pytest.approx(static["cycles"], rel=0.01)
    assert emulated["flash_stall_cycles"] > 0


@pytest.mark.emulated
def test_every_core_has_its_cost_layer_by_layer(tmp_path: Path) -> None:
    deployment = compiled(tbn.load(EXAMPLES / "mnist-lenet300.tbn"), tmp_path / "out", "latency")
    rows = deployment.measure_cores()
    assert [row["core"] for row in rows] == list(CORES)
    for row in rows:
        for what in ("instructions", "cycles", "flash_stall_cycles"):
            assert row[what] == row["between_layers"][what] + sum(layer[what] for layer in row["layers"])
        assert row["seconds"] == pytest.approx((row["cycles"] + row["flash_stall_cycles"]) / row["clock_hz"])
    page = deployment.report().read_text(encoding="utf-8")
    assert "On every core" in page and all(row["core"] in page for row in rows)
    again = deployment.measure_cores()
    assert again == rows, "two runs give the same figures"


@pytest.mark.emulated
def test_the_bare_image_is_accounted_to_the_byte(graph: Graph, tmp_path: Path) -> None:
    record = compiled(graph, tmp_path / "out", "flash", protocol="none").record
    flash = record["flash"]
    assert flash["weights_bytes"] + flash["code_bytes"] + flash["other_bytes"] == flash["image_bytes"]
    assert sum(layer["weights_bytes"] for layer in record["layers"]) == flash["weights_bytes"]


def test_the_figures_beside_an_example_are_its_own(recipe: str, graph: Graph) -> None:
    figures = json.loads((EXAMPLES / f"{recipe}.json").read_text())
    assert figures["seed"] == graph.facts["seed"]
    integer = next(stage for stage in graph.facts["stages"] if stage["stage"] == "integer")
    assert figures["integer_accuracy"] == pytest.approx(integer["accuracy"])
    assert sum(node.nonzero for node in graph.mac_nodes) == integer["nonzero"]


def test_integers_cost_little_accuracy(graph: Graph) -> None:
    before, integer = graph.facts["stages"][-2:]
    assert integer["stage"] == "integer"
    assert integer["accuracy"] >= before["accuracy"] - 0.002


def test_imu_user_id_over_its_seeds() -> None:
    figures = json.loads((EXAMPLES / "imu-user-id.json").read_text())
    seeds = figures["seeds"]
    mean = {key: fmean(record[key] for record in seeds) for key in ("float_accuracy", "integer_accuracy", "nonzero")}
    dense = sum(math.prod(node.dense_shape) for node in tbn.load(EXAMPLES / "imu-user-id.tbn").mac_nodes)
    assert len({record["seed"] for record in seeds}) >= 3
    assert mean["float_accuracy"] >= 0.94
    assert mean["integer_accuracy"] >= mean["float_accuracy"] - 0.01
    assert mean["nonzero"] * 10 <= dense
    assert all(record["flash"]["weights_bytes"] <= 3500 for record in seeds)


def test_imu_user_id_recognises_people(tmp_path: Path) -> None:
    graph = tbn.load(EXAMPLES / "imu-user-id.tbn")
    samples = read_samples("imu-user-id", graph.torch_input_shape)
    assert samples.y is not None
    accuracy = reference_accuracy(graph, samples.x, samples.y)
    assert accuracy >= 0.96
    verdicts = compile_network(graph, BOARD, tmp_path / "out").verify(("host",), samples.x, samples.y)
    assert verdicts["host"].mismatches == 0
    assert verdicts["host"].samples == len(samples.x)


@pytest.mark.slow
@pytest.mark.emulated
def test_lenet300_on_the_complete_test_set(tmp_path: Path) -> None:
    graph = tbn.load(EXAMPLES / "mnist-lenet300.tbn")
    samples = read_samples("mnist-lenet300", graph.torch_input_shape)
    assert samples.y is not None
    assert len(samples.y) == 10_000
    deployment = compiled(graph, tmp_path / "out", "flash")
    verdicts = deployment.verify(("host", "qemu"), samples.x, samples.y, device_samples=1000)
    assert [verdict.mismatches for verdict in verdicts.values()] == [0, 0]
    assert deployment.record["accuracy"]["reference"] >= 0.98


@pytest.mark.slow
@pytest.mark.emulated
def test_imu_user_id_on_the_complete_test_set(tmp_path: Path) -> None:
    graph = tbn.load(EXAMPLES / "imu-user-id.tbn")
    samples = read_samples("imu-user-id", graph.torch_input_shape)
    deployment = compiled(graph, tmp_path / "out", "flash")
    verdicts = deployment.verify(("host", "qemu"), samples.x, samples.y)
    assert [verdict.mismatches for verdict in verdicts.values()] == [0, 0]
    assert verdicts["qemu"].samples == len(samples.x)


@pytest.mark.slow
@pytest.mark.parametrize("recipe_name", RECIPES)
def test_integers_agree_with_the_fake_quantised_torch_network(recipe_name: str) -> None:
    from tinybayes.frontend import fake_quantized_classes

    graph = tbn.load(EXAMPLES / f"{recipe_name}.tbn")
    x = read_samples(recipe_name, graph.torch_input_shape).x
    assert np.mean(reference_classes(graph, x) == fake_quantized_classes(graph, x)) >= 0.995
