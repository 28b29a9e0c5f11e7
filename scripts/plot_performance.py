"""Remakes the pictures of docs/performance.md.

    .venv/bin/python scripts/bench.py --json out/bench.json
    .venv/bin/python scripts/plot_performance.py [out/bench.json]

The first two show what the bench measured of fully connected layers and of convolutional networks; the third measures
one layer itself.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.bench import BOARDS, CONV_BASELINE  # noqa: E402
from tests.bars import BLOCK  # noqa: E402
from tests.networks import Builder  # noqa: E402
from tinybayes.boards import load_board  # noqa: E402
from tinybayes.ir import Graph  # noqa: E402
from tinybayes.pipeline import compile_network  # noqa: E402

IMAGES = ROOT / "docs" / "images"
KEPT = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
FORMATS = {"pairs": ("one by one", "#1f6feb"), "blocks": ("in blocks of four", "#2da44e"), "dense": ("all", "#57606a")}
"""By weight format: how weights are kept, and a colour."""


def main() -> None:
    """Pictures into docs/images."""
    matplotlib.rcParams["svg.hashsalt"] = "tinybayes"
    results = json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "out" / "bench.json").read_text("utf-8"))
    _nonzeros(results)
    _bars(results)
    _densities()


def _save(figure: plt.Figure, name: str) -> None:
    figure.tight_layout()
    figure.savefig(IMAGES / name, metadata={"Date": None})
    plt.close(figure)


def _nonzeros(results: list[dict[str, Any]]) -> None:
    """What a nonzero of one sparse fully connected layer takes by format and core, and what it may take at most."""
    rows = [result for result in results if result["unit"].endswith("/nonzero")]
    figure, axis = plt.subplots(figsize=(8, 0.4 * len(rows) + 1.2))
    places = range(len(rows))
    axis.barh(places, [result["got"] for result in rows], 0.6, color="#1f6feb", label="measured")
    axis.plot([result["most"] for result in rows], places, "|", color="#cf222e", ms=16, mew=2, label="bar")
    names = [f"{result['name'].removeprefix('64x256, 90 % zero, ')}, {result['core']}" for result in rows]
    axis.set_yticks(places, names, fontsize=8)
    axis.set(xlabel="cycles by nonzero (M55: instructions), rows and requantization shared out", xlim=(0, None))
    axis.invert_yaxis()
    axis.legend(fontsize=8)
    _save(figure, "performance-nonzeros.svg")


def _bars(results: list[dict[str, Any]]) -> None:
    """What each convolutional network takes of what CMSIS-NN takes, and what it may take at most."""
    rows = []
    for result in results:
        baseline = next((found for name, found in CONV_BASELINE.items() if result["name"].startswith(name)), None)
        if baseline is not None and result["unit"] in ("cycles", "instructions"):
            whole = baseline["m0" if result["core"] == "m0plus" else result["core"]]
            rows.append((f"{result['name']}, {result['core']}", result["got"] / whole, result["most"] / whole))
    figure, axis = plt.subplots(figsize=(8, 0.4 * len(rows) + 1.2))
    places = range(len(rows))
    axis.barh(places, [100 * got for _, got, _ in rows], 0.6, color="#1f6feb", label="measured")
    axis.plot([100 * most for *_, most in rows], places, "|", color="#cf222e", ms=16, mew=2, label="bar")
    axis.set_yticks(places, [name for name, *_ in rows], fontsize=8)
    axis.set(xlabel="% of CMSIS-NN, dense (cycles; M55: instructions)", xlim=(0, 100))
    axis.invert_yaxis()
    axis.legend(fontsize=8)
    _save(figure, "performance-conv.svg")


def _layer(kept: float, block: int) -> Graph:
    """64 channels to 64, five columns wide, at 32 positions, behind a layer that is left out of the count."""
    chain = Builder(np.random.default_rng(0), (36, 4), density=1.0, levels=100).conv(64, (1, 1)).conv(64, (1, 5))
    weight = chain.nodes[1].weight  # type: ignore[attr-defined]
    groups = np.random.default_rng(1).random(weight.size // block) < kept
    weight *= np.repeat(groups, block).reshape(weight.shape)
    return chain.flatten().linear(4).graph()


def _densities() -> None:
    """Cycles of one convolution by format and part of the weights kept: measured, and as the formulas have it."""
    figure, axis = plt.subplots(figsize=(8, 3.6))
    products = 32 * 64 * 320
    for name, (kept_how, color) in FORMATS.items():
        found = []
        for kept in KEPT:
            graph = _layer(kept if name != "dense" else 1.0, BLOCK if name == "blocks" else 1)
            formats = {"layer.0": "dense", "layer.1": name, "layer.3": "dense"}
            with TemporaryDirectory() as work:
                deployment = compile_network(
                    graph, load_board(BOARDS["m4"]), Path(work) / "out", protocol="none", formats=formats
                )
                deployment.measure_latency()
            found.append((deployment.plan.steps[1].estimated_cycles, deployment.record["layers"][1]["cycles"]))
        estimated, measured = np.array(found).T / products
        at = [100 * kept for kept in KEPT]
        axis.plot(at, estimated, "-", color=color, lw=1)
        axis.plot(at, measured, "o", color=color, ms=4, label=f"{name}: kept {kept_how}")
    axis.set(xlabel="% of the weights kept", ylabel="cycles by product of the dense layer", ylim=(0, None))
    axis.legend(fontsize=8)
    _save(figure, "performance-density.svg")


if __name__ == "__main__":
    main()
