"""Every kernel of convolutions on a core of every class: all bits of odd shapes, and how fast whole networks are."""

from pathlib import Path

import numpy as np
import pytest

from scripts.cost_fitting import BOARDS
from scripts.fit_conv_cost import only
from tests.networks import Builder
from tinybayes.boards import load_board
from tinybayes.ir import Graph
from tinybayes.pipeline import compile_network
from tinybayes.plan import make_plan
from tinybayes.plan.coefficients_conv import CONV_COEFFICIENTS

pytestmark = pytest.mark.emulated
KERNELS = [
    (core, weight_format)
    for core, table in CONV_COEFFICIENTS.items()
    for _, weight_format in table
    if weight_format not in ("depthwise", "planes")  # which other networks want
]


def series() -> Graph:
    """An odd length, strides, margins, all ways of pooling; rows of one weight, an odd number of rows."""
    chain = Builder(np.random.default_rng(5), (45, 3), density=0.4, per_channel=True)
    chain.conv(8, (1, 4), (1, 1), (0, 0, 1, 2), "int8").max_pool((1, 2))
    chain.conv(12, (1, 3), (1, 1), (0, 0, 1, 1)).max_pool((1, 3), (1, 3))
    chain.conv(5, (1, 1)).conv(8, (1, 3), (1, 1), (0, 0, 1, 1), "int8")
    return chain.average_pool((1, 6)).flatten().linear(3).graph()


def plane() -> Graph:
    """One channel, a square window, a window of 3 x 3, a layer with a single output."""
    chain = Builder(np.random.default_rng(6), (25, 23, 1), density=0.4)
    chain.conv(4, (5, 5), (1, 1), (2, 1, 0, 2)).max_pool((2, 2)).conv(8, (3, 3), (2, 1), (1, 1, 1, 1), "int8")
    chain.max_pool((3, 3), (2, 3)).conv(9, (2, 2), (1, 1), (1, 0, 0, 1)).conv(1, (2, 2))
    return chain.flatten().linear(3).graph()


@pytest.mark.parametrize(("core", "weight_format"), KERNELS)
def test_every_bit_is_right(core: str, weight_format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybayes.plan.candidates.FORMATS", only(weight_format))
    for network in (series, plane):
        deployment = compile_network(network(), load_board(BOARDS[core]), tmp_path / network.__name__)
        deployment.build()
        verdict = deployment.verify(("qemu",), device_samples=8)["qemu"]
        assert verdict.mismatches == 0, str(verdict.first_mismatch)
        assert weight_format in {step.format for step in deployment.plan.steps if step.op == "conv"}


@pytest.mark.parametrize("positions", [16, 18])
def test_columns_that_were_meant_for_another_core(
    positions: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned for Cortex-M4, a 1x1 convolution multiplies unsigned columns where they lie; vectors want a copy."""
    chain = Builder(np.random.default_rng(8), (positions, 8))
    graph = chain.conv(8, (1, 1)).conv(12, (1, 1)).conv(6, (1, 1), dtype="int8").flatten().linear(3).graph()
    monkeypatch.setattr(
        "tinybayes.pipeline.make_plan",
        lambda graph, objective, _, *rest: make_plan(graph, objective, "cortex-m4", *rest),
    )
    formats: dict[str, str | None] = {node.name: "dense" for node in graph.mac_nodes}
    deployment = compile_network(graph, load_board("mps3-an547"), tmp_path / "out", formats=formats)
    assert any(step.reads_columns and step.source.tensor.dtype == "uint8" for step in deployment.plan.steps)
    verdict = deployment.verify(("qemu",), device_samples=8)["qemu"]
    assert verdict.mismatches == 0, str(verdict.first_mismatch)


@pytest.mark.parametrize(("core", "weight_format"), KERNELS)
def test_cycles_are_estimated_within_eight_percent(
    core: str, weight_format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On layers that no coefficient was fitted on: margins, a mean, leftover positions and an odd number of rows."""
    monkeypatch.setattr("tinybayes.plan.candidates.FORMATS", only(weight_format))
    chain = Builder(np.random.default_rng(7), (58, 8), density=0.2, levels=60, per_channel=True)
    chain.conv(20, (1, 5), padding=(0, 0, 2, 2)).max_pool((1, 2)).conv(28, (1, 3), padding=(0, 0, 1, 1))
    chain.conv(31, (1, 3)).average_pool((1, 27)).flatten().linear(2)
    deployment = compile_network(chain.graph(), load_board(BOARDS[core]), tmp_path / "out", protocol="none")
    deployment.measure_latency()
    measured = {layer["name"]: layer["cycles"] for layer in deployment.record["layers"]}
    for step in deployment.plan.steps:
        if step.op == "conv" and step.format == weight_format:
            assert step.estimated_cycles == pytest.approx(measured[step.name], rel=0.08), step.name
    estimated = sum(step.estimated_cycles for step in deployment.plan.steps)
    assert estimated == pytest.approx(sum(measured.values()), rel=0.08)
