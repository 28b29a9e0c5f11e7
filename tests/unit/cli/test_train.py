"""``tinybayes train`` as a user calls it, on a part of the data for an epoch or two."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command
from tinybayes import tbn
from tinybayes.datasets import Dataset, imu_user_id
from tinybayes.recipes.knobs import Knobs
from tinybayes.recipes.recipe import RECIPES


def few_windows(knobs: Knobs) -> Dataset:
    """Every eighth window, split as the recipe splits them."""
    whole = imu_user_id(128, train_on_validation=bool(knobs.refit))
    parts = {
        f"{a}_{part}": getattr(whole, f"{a}_{part}")[::8] for a in "xy" for part in ("train", "validation", "test")
    }
    return replace(whole, **parts)


def test_a_training_leaves_its_network_and_its_curve(
    tinybayes: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "imu-user-id", replace(RECIPES["imu-user-id"], data=few_windows))
    out = tmp_path / "imu.tbn"
    epochs = ("--dense-epochs", 2, "--sparse-epochs", 1, "--fine-tune-epochs", 1, "--share-epochs", 1)
    options = ("--by-recording-epochs", 0, "--compensate", 0)
    done = tinybayes("train", "imu-user-id", "--out", out, *epochs, *options)
    assert done.status == 0, done.err
    assert str(tmp_path / "imu.curve.json") in done.out
    curve = json.loads((tmp_path / "imu.curve.json").read_text(encoding="utf-8"))
    stages = [epoch["stage"] for epoch in curve["epochs"]]
    assert stages == ["dense", "dense", "sparse", "fine-tuned", "shared"]
    assert all(0 <= epoch["training_error_percent"] <= 100 for epoch in curve["epochs"]), "refit trains on them"
    nonzero = sum(layer["nonzero"] for layer in curve["epochs"][-1]["layers"].values())
    assert nonzero >= sum(node.nonzero for node in tbn.load(out).mac_nodes) > 0
    assert curve["signal_to_noise"]["counts"].keys() == curve["epochs"][0]["layers"].keys()
