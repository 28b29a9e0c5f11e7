"""``tinybayes compress``: how far a trained network can be made smaller without training it."""

import json
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from tinybayes import tbn
from tinybayes.compress import han_sizes
from tinybayes.errors import LimitError, UserError
from tinybayes.pipeline import reference_accuracy
from tinybayes.plan.candidates import candidates_of, parts
from tinybayes.plan.ordering import plan_in_best_order
from tinybayes.plan.plan import NO_LIMITS
from tinybayes.plan.steps import lower
from tinybayes.post_training import BY_TRAINING, Compression, compress_model


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
    assert found.advice is not None and f"{found.sparsity:.1%} of the weights are zero" in found.advice
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


def test_a_price_on_bits_is_kept_where_flash_gets_smaller(
    trained: nn.Module, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    x, y = (part[:1200] for part in digits)
    without = compress_model(trained, x, y, sparsity=0.5, max_drop=1.5, rate=0.0)
    found = compress_model(trained, x, y, sparsity=0.5, max_drop=1.5)
    assert (without.rate, without.weights_bytes) == (0.0, without.without_rate_bytes)
    assert found.rate > 0
    assert found.drop_points <= 1.5
    assert found.without_rate_bytes == without.weights_bytes
    assert found.weights_bytes < 0.95 * without.weights_bytes
    assert found.weights_bytes == plan_in_best_order(found.graph, "flash", "cortex-m4", NO_LIMITS).weights_bytes
    assert compress_model(trained, x, y, sparsity=0.5, max_drop=1.5, rate=found.rate).weights_bytes == (
        found.weights_bytes
    )
    with pytest.raises(LimitError, match=r"at --rate 20 the network loses .* more than the 1.5 of --max-drop"):
        compress_model(trained, x, y, sparsity=0.5, max_drop=1.5, rate=20)


def test_a_price_that_makes_nothing_smaller_is_left_out() -> None:
    network = nn.Sequential(nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[127.0, 0.0, 0.0, 0.0], [0.0, 127.0, 0.0, 0.0]]))
    found = compress_model(network, np.random.default_rng(0).random((50, 4), np.float32), sparsity=0.0, rate=0.1)
    assert found.rate == 0.0
    assert found.weights_bytes == found.without_rate_bytes


def test_the_papers_accounting_stands_beside_the_bytes_in_flash(
    trained: nn.Module, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    found = compress_model(trained, digits[0][:300], sparsity=0.5, max_drop=20.0)
    sizes = han_sizes(found.graph)
    assert sum(size.nonzero for size in sizes.values()) == found.nonzero
    assert 8 * found.han_bytes - 7 <= sum(size.fixed_bits for size in sizes.values()) <= 8 * found.han_bytes
    assert found.han_huffman_bytes < found.han_bytes
    assert {"han_bytes", "han_huffman_bytes", "weights_bytes", "rate"} <= found.figures().keys()


def test_advice_follows_from_what_was_measured() -> None:
    def compression(weights: int, weights_bytes: int) -> Compression:
        return Compression(
            graph=Mock(), sparsity=0.8, levels=15, nonzero=weights // 5, weights=weights, drop_points=0.4,
            labelled=True, rate=0.0, weights_bytes=weights_bytes, without_rate_bytes=weights_bytes,
            han_bytes=1, han_huffman_bytes=1,
        )  # fmt: skip

    large = compression(300_000, 40_000).advice
    assert large is not None
    assert "80.0% of the weights are zero at a loss of 0.40 points, 1.07 bits a weight" in large
    assert "mnist-lenet300 (266,200 weights) takes 0.12" in large
    small = compression(20_000, 8_000).advice
    assert small is not None and "imu-user-id (24,128 weights) takes 1.05" in small
    assert compression(300_000, 5_000).advice is None
    assert compression(20_000, 3_000).advice is None


@pytest.mark.parametrize("recipe", BY_TRAINING)
def test_what_training_reaches_is_about_what_ships(recipe: str) -> None:
    record = json.loads((Path(__file__).parents[2] / "examples" / f"{recipe}.json").read_text(encoding="utf-8"))
    known = BY_TRAINING[recipe]
    assert known.weights == record["stages"][0]["nonzero"]
    assert known.weights_bytes == pytest.approx(record["weights_bytes"], rel=0.1)
    assert known.lost_points == pytest.approx(record["test_error_percent"] - record["float_error_percent"], abs=0.3)


def test_levels_that_are_too_few_are_named(trained: nn.Module, digits: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(LimitError, match=r"sharing 1 levels a layer alone loses .* give more --bits \(now 1\)"):
        compress_model(trained, digits[0][:600], bits=1, max_drop=0.5)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"sparsity": 1.0}, "--sparsity: got 1.0"),
        ({"bits": 9}, "--bits: got 9, wanted 1 to 8"),
        ({"rate": -0.1}, "--rate: got -0.1, wanted variances"),
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
