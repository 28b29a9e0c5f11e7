"""A relevance vector machine and an uncertain classifier as firmware: every bit on every class of cores."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from tests.unit.bayes.test_bayesian_networks import digits_head, moons
from tinybayes.bayes.networks import UncertainClassifier
from tinybayes.bayes.relevance_vectors import RVC
from tinybayes.boards import load_board
from tinybayes.pipeline import compile_network, load_network

pytestmark = pytest.mark.emulated
BOARDS = ("microbit", "mps2-an385", "mps2-an386", "mps3-an547")


@pytest.mark.parametrize("board", BOARDS)
def test_kernels_are_evaluated_on_the_device(board: str, tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    network = RVC().fit(x, y).to_network().eval()
    deployment = compile_network(load_network(network, x), load_board(board), tmp_path / "out")
    deployment.build()
    for place, verdict in deployment.verify(("host", "qemu"), x).items():
        assert verdict.mismatches == 0, (place, verdict.first_mismatch)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_two_classes_come_from_the_device_as_two_scores(kernel: str, tmp_path: Path) -> None:
    x, y = moons()
    x = x[:200].astype(np.float32)
    graph = load_network(RVC(kernel=kernel).fit(x, y[:200]).to_network().eval(), x)
    deployment = compile_network(graph, load_board("microbit"), tmp_path / "out")
    deployment.build()
    for place, verdict in deployment.verify(("host", "qemu"), x).items():
        assert verdict.mismatches == 0, (place, verdict.first_mismatch)


@pytest.mark.parametrize("board", BOARDS)
def test_a_device_says_how_sure_it_is(board: str, tmp_path: Path) -> None:
    features, head, x, y = digits_head()
    graph = load_network(UncertainClassifier(features, head).eval(), x[:400])
    deployment = compile_network(graph, load_board(board), tmp_path / "out")
    header = (tmp_path / "out" / "network" / "network.h").read_text()
    assert "codes of the result: 10 class probabilities, then the uncertainty, all of one scale; written" in header
    deployment.build()
    samples, labels = x[1200:1300], y[1200:1300].astype(np.int64)
    for place, verdict in deployment.verify(("host", "qemu"), samples, labels).items():
        assert verdict.mismatches == 0, (place, verdict.first_mismatch)
    classes = deployment.run(samples, "host")["q"][:, :10].argmax(1)
    assert deployment.record["accuracy"]["device"] == (classes == labels).mean()
