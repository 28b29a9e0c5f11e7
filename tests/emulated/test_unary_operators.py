"""Torch networks with operators that have one input, on a board of every class of cores: torch, reference and QEMU."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tinybayes.boards import load_board
from tinybayes.pipeline import compile_network, load_network
from tinybayes.reference import chosen_classes, dequantize_output, execute, quantize_input

pytestmark = pytest.mark.emulated
BOARDS = ("microbit", "mps2-an385", "mps2-an386", "mps3-an547")
SAMPLES = 8


class MobileBlock(nn.Module):
    """A map: clamps and curves between convolutions, padded pooling, probabilities at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(2, 6, 3, stride=2, padding=1), nn.Hardswish(), nn.MaxPool2d(3, 2, padding=1),
            nn.Conv2d(6, 8, 1), nn.ReLU6(), nn.Conv2d(8, 8, 3, padding=1), nn.SiLU(), nn.AdaptiveAvgPool2d((3, 2)),
        )  # fmt: skip
        self.head = nn.Linear(48, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).flatten(1)).softmax(dim=-1)


class Gated(nn.Module):
    """A series: sigmoid, tanh, GELU and ELU, means at borders, the number of the class at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(3, 8, 5, padding=2), nn.Tanh(), nn.AvgPool1d(5, 3, padding=2, count_include_pad=False),
            nn.Conv1d(8, 8, 3), nn.Sigmoid(), nn.Conv1d(8, 8, 3), nn.LeakyReLU(0.2), nn.MaxPool1d(3, 2, ceil_mode=True),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Linear(8, 12), nn.GELU(), nn.Linear(12, 9), nn.ELU(), nn.Linear(9, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).amax(-1)).argmax(1)


class Attentive(nn.Module):
    """A map weighted by its channels and by its positions (Woo et al., 2018, arXiv:1807.06521): means, maxima, sums."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 8, 3, padding=1), nn.Conv2d(2, 1, 3, padding=1)
        self.squeeze, self.head = nn.Linear(8, 8), nn.Linear(20, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x).relu()
        x = x * self.squeeze(x.mean((2, 3))).sigmoid()[:, :, None, None]
        places = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        x = x * self.second(places).sigmoid()
        return self.head(torch.cat([x.sum((1, 3)), x.mean(2).amax(1)], 1))


NETWORKS = {
    "mobile block": (MobileBlock, (2, 18, 15)),
    "gated": (Gated, (3, 40)),
    "attentive": (Attentive, (2, 11, 9)),
}


def trained_like(name: str) -> tuple[nn.Module, np.ndarray]:
    torch.manual_seed(4)
    kind, shape = NETWORKS[name]
    module = kind().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(2.0)  # so that curves and clamps are reached
    return module, torch.randn(300, *shape).numpy()


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize(("name", "per_channel"), [("mobile block", True), ("gated", False), ("attentive", True)])
def test_torch_reference_host_and_board_agree(name: str, per_channel: bool, board: str, tmp_path: Path) -> None:
    module, x = trained_like(name)
    graph = load_network(module, x, per_channel=per_channel)
    real = module(torch.from_numpy(x)).detach().numpy()
    codes = execute(graph, quantize_input(graph, x))[graph.output]
    if real.ndim == 1:
        assert (chosen_classes(codes) == real).mean() > 0.9
    else:
        most = max(0.06, 2 * graph.output_tensor.scale)  # two codes of an output that goes far
        assert np.abs(dequantize_output(graph, codes) - real).max() < most
    deployment = compile_network(graph, load_board(board), tmp_path / "out", objective="latency")
    deployment.build()
    for place, verdict in deployment.verify(("host", "qemu"), x[:SAMPLES]).items():
        assert verdict.mismatches == 0, f"{place} of {board}: {verdict.first_mismatch}"
    record = deployment.record
    weights = sum(layer["weights_bytes"] for layer in record["layers"])
    assert record["flash"]["weights_bytes"] == weights
    assert all(layer["cycles"] for layer in record["layers"])
