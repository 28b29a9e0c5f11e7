"""A GRU that reads handwritten digits row by row: from torch to firmware, and what integers cost it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import tinybayes
from tinybayes.boards import load_board
from tinybayes.frontend import import_module
from tinybayes.passes import to_integer
from tinybayes.pipeline import compile_network, reference_accuracy
from tinybayes.post_training import compress_model

TRAIN = 1200


class Reader(nn.Module):
    """Eight rows of eight pixels; the class is told from the state behind the last."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(8, 24, batch_first=True)
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return (data.images / 16).astype(np.float32), data.target.astype(np.int64)


@pytest.fixture(scope="module")
def reader(digits: tuple[np.ndarray, np.ndarray]) -> nn.Module:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x, y = (torch.from_numpy(part[:TRAIN]) for part in digits)
    network = Reader()
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(120):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    return network.eval()


def test_integers_cost_at_most_a_point(reader: nn.Module, digits: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = digits
    with torch.no_grad():
        real = float((reader(torch.from_numpy(x[TRAIN:])).argmax(1).numpy() == y[TRAIN:]).mean())
    assert real > 0.85
    graph = import_module(reader, x[:2])
    assert graph.channels_last_input
    for bits in (8, 16):
        integer = to_integer(graph, x[:TRAIN], recurrent_bits=bits)
        assert [node.op for node in integer.nodes] == ["gru", "linear"]
        assert abs(reference_accuracy(integer, x[TRAIN:], y[TRAIN:]) - real) <= 0.01


@pytest.mark.emulated
def test_firmware_computes_the_reference(
    reader: nn.Module, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    x, _ = digits
    made = tinybayes.compile(reader, board="mps2-an386", calibration=x[:400], recurrent_bits=16, out=tmp_path / "dense")
    assert 2200 < made.record["layers"][0]["nonzero"] <= 3 * 24 * (8 + 24)
    assert made.record["network"]["macs_dense"] == 8 * 3 * 24 * (8 + 24) + 240
    verdict = made.verify(("host", "qemu"), x[-8:])
    assert {place: one.mismatches for place, one in verdict.items()} == {"host": 0, "qemu": 0}
    assert verdict["qemu"].tensors_compared == 16
    sparse = compress_model(reader, x[:400], sparsity=0.5, bits=5, max_drop=90.0).graph
    smaller = compile_network(sparse, load_board("microbit"), tmp_path / "sparse", objective="flash")
    assert smaller.record["layers"][0]["nonzero"] < 0.6 * 3 * 24 * (8 + 24)
    assert smaller.record["flash"]["weights_bytes"] < 0.8 * made.record["flash"]["weights_bytes"]
    assert smaller.verify(("qemu",), x[-8:])["qemu"].mismatches == 0
    assert smaller.report().exists()
