"""Every kernel of convolutions on a core of every class: all bits of odd shapes, and how fast whole networks are."""

from pathlib import Path

import numpy as np
import pytest

from scripts.fit_conv_cost import BOARDS, only
from tests.networks import Builder
from tinybayes.boards import load_board
from tinybayes.ir import Graph
from tinybayes.pipeline import compile_network

pytestmark = pytest.mark.emulated


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


@pytest.mark.parametrize("weight_format", ["dense", "index", "huffman", "pairs", "blocks"])
@pytest.mark.parametrize("core", BOARDS)
def test_every_bit_is_right(core: str, weight_format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinybayes.plan.candidates.FORMATS", only(weight_format))
    for network in (series, plane):
        deployment = compile_network(network(), load_board(BOARDS[core]), tmp_path / network.__name__)
        deployment.build()
        verdict = deployment.verify(("qemu",), device_samples=8)["qemu"]
        assert verdict.mismatches == 0, str(verdict.first_mismatch)
        assert weight_format in {step.format for step in deployment.plan.steps if step.op == "conv"}
