"""The front of a small network: every point built and emulated, on paper and in pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.networks import Builder, torn_blocks
from tinybayes import tbn
from tinybayes.boards import load_board
from tinybayes.cli.app import app
from tinybayes.explore import explore
from tinybayes.pipeline import compile_network

pytestmark = pytest.mark.emulated


@pytest.fixture
def network(tmp_path: Path) -> Path:
    chain = Builder(np.random.default_rng(0), (300,), density=0.08, levels=15)
    path = tmp_path / "net.tbn"
    tbn.save(chain.linear(60, "uint8").linear(10).graph(), path)
    return path


def test_the_front_of_a_network(network: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["explore", str(network), "--board", "mps2-an386", "--out", str(out), "--points", "4"]
    told = CliRunner().invoke(app, [*arguments, "--json"])
    assert told.exit_code == 0, told.output
    front = json.loads(told.stdout)["front"]
    assert 2 <= len(front) <= 4
    for row in front:
        assert row["weights_bytes"] == row["predicted_weights_bytes"]
        assert row["image_bytes"] > row["weights_bytes"]
    sizes, cycles = [row["weights_bytes"] for row in front], [row["cycles"] for row in front]
    assert sizes == sorted(sizes)
    assert cycles == sorted(cycles, reverse=True)
    assert (out / "front.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "report.html").read_text()
    assert "What else it could be" in page
    for row in front:
        assert f"{row['cycles']:,}".replace(",", "\u202f") in page


def test_its_ends_are_what_compile_makes(tmp_path: Path) -> None:
    graph, board = torn_blocks(1, 4), load_board("mps2-an386")
    front = explore(graph, board, tmp_path / "front", points=2).record["front"]
    for row, objective in zip((front[0], front[-1]), ("flash", "latency"), strict=True):
        made = compile_network(graph, board, tmp_path / objective, objective=objective, protocol="none")
        made.build()
        made.measure_latency()
        assert made.record["flash"]["weights_bytes"] == row["weights_bytes"] == row["predicted_weights_bytes"]
        assert made.record["flash"]["image_bytes"] == row["image_bytes"]
        assert made.record["latency"]["cycles"] == row["cycles"]
        assert abs(row["predicted_cycles"] / row["cycles"] - 1) < 0.08


def test_what_a_board_cannot_hold_is_said(tmp_path: Path) -> None:
    chain = Builder(np.random.default_rng(0), (784,), density=0.2, levels=254)
    tbn.save(chain.linear(150, "uint8").linear(10).graph(), tmp_path / "net.tbn")
    out = tmp_path / "out"
    arguments = [
        "explore",
        str(tmp_path / "net.tbn"),
        "--board",
        "stm32vldiscovery",
        "--out",
        str(out),
        "--points",
        "3",
    ]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output
    assert "too large" in told.stdout
    assert "too large" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("option", "text"), [(["--points", "1"], "wanted at least 2"), (["--board", "cortex-m4"], "choose a board")]
)
def test_what_cannot_be_explored_is_refused(network: Path, tmp_path: Path, option: list[str], text: str) -> None:
    told = CliRunner().invoke(
        app, ["explore", str(network), "--board", "mps2-an386", "--out", str(tmp_path / "out"), *option]
    )
    assert told.exit_code != 0
    assert text in str(told.exception)
