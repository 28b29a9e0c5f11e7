"""Every weight format of fully connected layers, on every class of cores that QEMU emulates, to the bit."""

from pathlib import Path

import numpy as np
import pytest

from tests.networks import Builder
from tinybayes.boards import load_board
from tinybayes.deployment import Deployment
from tinybayes.ir import Graph, Requant
from tinybayes.pipeline import compile_network
from tinybayes.plan.candidates import candidates_of, parts
from tinybayes.plan.core_class import core_class
from tinybayes.plan.steps import lower

pytestmark = pytest.mark.emulated
BOARDS = ("microbit", "mps2-an385", "mps2-an386", "mps2-an505", "mps3-an547")
SAMPLES = 8


def chain(inputs: int, *outputs: int, **options: object) -> Builder:
    made = Builder(np.random.default_rng(inputs), (inputs,), **options)  # type: ignore[arg-type]
    for number in outputs[:-1]:
        made.linear(number, "uint8")
    return made.linear(outputs[-1], "int8")


def with_requant(made: Builder, requant: Requant) -> Graph:
    object.__setattr__(made.nodes[-1], "requant", requant)
    return made.graph()


def hollow() -> Graph:
    """An empty row, a row of one level, an odd number of nonzeros, and one at the very end."""
    made = chain(257, 6, 5, levels=3)
    matrix = np.zeros((6, 1, 1, 257), np.int8)
    matrix[1, 0, 0, ::3] = 64
    matrix[2, 0, 0, [0, 255, 256]] = [-128, 127, -1]
    matrix[4, 0, 0, 256] = -7
    object.__setattr__(made.nodes[0], "weight", matrix)
    return made.graph()


def in_blocks(rows: int, columns: int) -> Graph:
    """Full blocks, a number of rows and columns that no block divides, and codes of both kinds."""
    made = chain(150, 70, 22, 7, density=1.0, levels=8)
    for node in made.nodes:
        outputs, _, _, inputs = node.weight.shape  # type: ignore[attr-defined]
        live = made.rng.random((-(-outputs // rows), -(-inputs // columns))) < 0.3
        mask = np.kron(live, np.ones((rows, columns), bool))[:outputs, :inputs]
        object.__setattr__(node, "weight", (node.weight[:, 0, 0] * mask)[:, None, None].astype(np.int8))  # type: ignore[attr-defined]
    return made.graph()


NETWORKS = {
    "blocks of rows": in_blocks(4, 1),
    "blocks of columns": in_blocks(1, 4),
    "blocks of vectors": in_blocks(1, 16),
    "odd sizes": chain(37, 13, 7, density=0.4, levels=7).graph(),
    "one row of one input": chain(1, 1, density=1.0, levels=1).graph(),
    "255 columns": chain(255, 9, 3, density=0.15, levels=200, per_channel=True).graph(),
    "257 columns with holes": hollow(),
    "many tiles, many outputs": chain(1300, 40, 4, density=0.05, levels=15).graph(),
    "beyond what an instruction reaches": chain(4200, 5, density=0.02, levels=15).graph(),
    "full rows": chain(64, 8, 4, density=1.0, levels=250).graph(),
    "saturating": with_requant(chain(400, 7, density=1.0, levels=200), Requant(0, np.array([32767]), 15, -128, 127)),
    "narrow clamp": with_requant(chain(30, 7, levels=9), Requant(2, np.array([20000]), 18, -100, 90)),
}


def layouts(graph: Graph, core: str) -> list[dict[str, str | None]]:
    """Plans that between them use every legal candidate of every part."""
    every = [candidates_of(part, core_class(core)) for part in parts(lower(graph))]
    plans = range(max(len(candidates) for candidates in every))
    return [dict(pair for one in every for pair in one[plan % len(one)].formats) for plan in plans]


def verified(graph: Graph, board: str, formats: dict[str, str | None], out: Path) -> Deployment:
    deployment = compile_network(graph, load_board(board), out, formats=formats)
    lengths = (SAMPLES, *graph.torch_input_shape)
    x = np.random.default_rng(0).uniform(-8, 8, lengths).astype(np.float32)
    x[0], x[1] = -100, 100
    for place, verdict in deployment.verify(("qemu",), x).items():
        assert verdict.mismatches == 0, f"{formats} on {place} of {board}: {verdict.first_mismatch}"
    return deployment


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_format_on_every_class_of_cores(name: str, board: str, tmp_path: Path) -> None:
    graph = NETWORKS[name]
    for number, formats in enumerate(layouts(graph, load_board(board).core)):
        verified(graph, board, formats, tmp_path / str(number))


@pytest.mark.parametrize("board", BOARDS)
def test_straight_line_code_on_every_class_of_cores(board: str, tmp_path: Path) -> None:
    graph = NETWORKS["255 columns"]
    deployment = verified(graph, board, {node.name: "straight" for node in graph.nodes}, tmp_path / "out")
    deployment.build()
    weights = sum(layer["weights_bytes"] for layer in deployment.record["layers"])
    assert deployment.record["flash"]["weights_bytes"] == weights
    assert 0 < deployment.record["flash"]["code_bytes"] < 400, "all else of the network is a few calls"
