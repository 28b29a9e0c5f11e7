"""``tinybayes compress``: how far a trained network can be made smaller without training it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from tinybayes import tbn
from tinybayes.errors import LimitError, UserError
from tinybayes.pipeline import reference_accuracy
from tinybayes.plan.candidates import candidates_of, parts
from tinybayes.plan.steps import lower
from tinybayes.post_training import compress_model


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return (data.data / 16).astype(np.float32), data.target.astype(np.int64)


@pytest.fixture(scope="module")
def trained(digits: tuple[np.ndarray, np.ndarray]) -> nn.Module:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x, y = (torch.from_numpy(part[:1200]) for part in digits)
    network = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    return network.eval()


def test_the_most_zeros_that_the_bound_allows(trained: nn.Module, digits: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = (part[:1200] for part in digits)
    steps: list[int] = []
    found = compress_model(trained, x, y, max_drop=1.0, progress=lambda done, total: steps.append(done))
    assert found.drop_points <= 1.0
    assert 0.3 < found.sparsity < 0.95
    assert found.sparsity == pytest.approx(1 - found.nonzero / found.weights)
    assert found.advice is not None and "trained sparse" in found.advice
    assert steps == sorted(steps)
    with torch.no_grad():
        before = float((trained(torch.from_numpy(x)).argmax(1).numpy() == y).mean())
    after = reference_accuracy(found.graph, x, y)
    assert 100 * (before - after) == pytest.approx(found.drop_points)
    with pytest.raises(LimitError, match=r"loses .* points .* more than the 1 of --max-drop"):
        compress_model(trained, x, y, sparsity=min(0.97, found.sparsity + 0.25), max_drop=1.0)


def test_without_labels_classes_must_stay(trained: nn.Module, digits: tuple[np.ndarray, np.ndarray]) -> None:
    x = digits[0][:600]
    found = compress_model(trained, x, sparsity=0.5, bits=5, max_drop=5.0)
    assert not found.labelled
    assert found.sparsity == pytest.approx(0.5, abs=0.02)
    assert found.levels == 31
    for node in found.graph.mac_nodes:
        assert len(np.unique(node.weight[node.weight != 0])) <= 31


def test_levels_that_are_too_few_are_named(trained: nn.Module, digits: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(LimitError, match=r"sharing 1 levels a layer alone loses .* give more --bits \(now 1\)"):
        compress_model(trained, digits[0][:600], bits=1, max_drop=0.5)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"sparsity": 1.0}, "--sparsity: got 1.0"),
        ({"bits": 9}, "--bits: got 9, wanted 1 to 8"),
        ({"max_drop": -1.0}, "--max-drop: got -1.0"),
        ({"blocks": "2x2"}, "--blocks: got '2x2', wanted rows x columns, one of 1x4, 4x1, 1x16"),
    ],
)
def test_options_out_of_range(
    trained: nn.Module, digits: tuple[np.ndarray, np.ndarray], options: dict[str, object], part: str
) -> None:
    with pytest.raises(UserError, match=part):
        compress_model(trained, digits[0][:10], **options)


def test_the_network_keeps_its_figures_in_its_file(
    trained: nn.Module, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    found = compress_model(trained, digits[0][:300], sparsity=0.4, max_drop=20.0)
    tbn.save(found.graph, tmp_path / "net.tbn")
    back = tbn.load(tmp_path / "net.tbn")
    assert back.facts["compressed"]["sparsity"] == pytest.approx(0.4, abs=0.02)
    assert sum(node.nonzero for node in back.mac_nodes) == found.nonzero


def test_blocks_reach_the_kernels_that_are_made_for_them(
    trained: nn.Module, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    found = compress_model(trained, digits[0][:300], sparsity=0.6, max_drop=40.0, blocks="1x4")
    assert found.graph.facts["compressed"]["blocks"] == "1x4"
    first = candidates_of(parts(lower(found.graph))[0], "dsp")
    fewest = min(
        step.encoding.array("places").values.size
        for candidate in first
        for step in candidate.steps
        if step.format == "blocks1x4"
    )
    assert 4 * fewest < 1.2 * found.graph.mac_nodes[0].nonzero, "blocks are nearly full"
