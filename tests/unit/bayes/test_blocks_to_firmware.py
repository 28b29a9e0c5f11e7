"""Blocks that a group prior prunes, from a plain module to the block formats that kernels run: exact on the host."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.networks import formats_preferring
from tinybayes.bayes import (
    Blocks,
    Horseshoe,
    NormalJeffreys,
    Prior,
    extract,
    kl,
    parameter_groups,
    posterior_mean,
    sparsify,
)
from tinybayes.boards import load_board
from tinybayes.pipeline import compile_network, load_network

SAMPLES, INPUTS, READ = 512, 48, slice(16, 32)
PRIORS = {
    "normal-Jeffreys": lambda blocks: NormalJeffreys(blocks, -6.0, threshold=-2.0),
    "horseshoe": lambda blocks: Horseshoe(blocks, 1e-3, -6.0, threshold=2.0),
}
FORMATS = {
    "blocks4x1": (Blocks(4, 1), "microbit"),
    "blocks1x4": (Blocks(1, 4), "mps2-an386"),
    "blocks1x16": (Blocks(1, 16), "mps3-an547"),
}


def trained(prior: Prior) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A network of whose 48 inputs 16 matter, after 400 steps with noise of variance 0.01; inputs and targets."""
    torch.manual_seed(0)
    x = torch.randn(SAMPLES, INPUTS)
    y = torch.tanh(x[:, READ] @ torch.randn(16, 3) / 4)
    module = sparsify(nn.Sequential(nn.Linear(INPUTS, 16), nn.ReLU(), nn.Linear(16, 3)), prior)
    optimizer = torch.optim.Adam(parameter_groups(module), lr=0.02)
    for _ in range(400):
        optimizer.zero_grad()
        ((module(x) - y).square().sum(1).mean() / 0.02 + kl(module) / SAMPLES).backward()
        optimizer.step()
    return module, x, y


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("weight_format", FORMATS)
def test_pruned_blocks_become_stored_blocks(weight_format: str, prior: str, tmp_path: Path) -> None:
    blocks, board_name = FORMATS[weight_format]
    module, x, y = trained(PRIORS[prior](blocks))
    found = extract(module)
    mask = found["0.weight"].mask
    group = blocks(mask)
    assert all(len(mask[group == number].unique()) == 1 for number in group.unique())
    dead = mask == 0
    assert dead.float().mean() > 0.25
    assert dead[:, READ].float().mean() < dead.float().mean()

    plain = posterior_mean(module).eval()
    plain.load_state_dict({name: value.mean * value.mask for name, value in found.items()}, strict=False)
    with torch.no_grad():
        assert (plain(x) - y).square().mean() < 0.05 * y.var()
    graph, board = load_network(plain, x.numpy()), load_board(board_name)
    formats = formats_preferring(weight_format, graph, board.core)
    deployment = compile_network(graph, board, tmp_path / "out", formats=formats)
    first = deployment.plan.steps[0]
    assert first.kernel == f"linear_{weight_format}"
    stored = first.encoding.array("values").values
    size = blocks.rows * blocks.columns
    assert len(stored) <= size * len(group[mask == 1].unique()), "no more blocks than the posterior kept"
    assert np.count_nonzero(stored) > 0.8 * len(stored), "and they are full"
    assert deployment.verify(("host",), x[:200].numpy())["host"].mismatches == 0
