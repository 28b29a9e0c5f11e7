"""``tinybayes compress`` as a user calls it: what it says of the bytes that it leaves."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.cli.conftest import Command
from tinybayes import tbn
from tinybayes.plan.ordering import plan_in_best_order
from tinybayes.plan.plan import NO_LIMITS

MODULE = """
import torch
from torch import nn


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(40, 30), nn.ReLU(), nn.Linear(30, 4)).eval()
"""


@pytest.fixture
def calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "small_module.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "x.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(200, 40)).astype(np.float32))
    return path


def test_it_says_what_flash_takes_and_what_the_price_on_bits_brought(
    tinybayes: Command, calibration: Path, tmp_path: Path
) -> None:
    out = tmp_path / "net.tbn"
    options = ("small_module:network", "--calibration", calibration, "--out", out, "--sparsity", 0.4, "--max-drop", 20)
    figures = json.loads(tinybayes("compress", *options, "--json").out)
    assert figures["weights_bytes"] == plan_in_best_order(tbn.load(out), "flash", "cortex-m4", NO_LIMITS).weights_bytes
    assert figures["rate"] > 0
    assert figures["weights_bytes"] < figures["without_rate_bytes"]
    text = tinybayes("compress", *options).out
    assert f"bytes      {figures['weights_bytes']:,} with --objective flash" in text
    assert f"({figures['without_rate_bytes']:,} before bits had a price" in text
    assert f"saved at --rate {figures['rate']:g})" in text
    assert f"{figures['han_bytes']:,} as Deep Compression counts" in text
    assert "(bits have no price)" in tinybayes("compress", *options, "--rate", 0).out
    refused = tinybayes("compress", *options, "--rate", -1)
    assert refused.status == 2
    assert "--rate: got -1.0" in refused.err
