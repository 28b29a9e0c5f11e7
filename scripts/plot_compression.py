"""Draws docs/images/compression-*.png and rewrites the tables of docs/compression.md from examples/*.json.

    .venv/bin/python scripts/plot_compression.py

Nothing is trained; run scripts/make_examples.py first for figures of your own.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

sys.path.insert(0, str(Path(__file__).parents[1]))

from tinybayes.recipes.knobs import KNOBS
from tinybayes.report.theme import LIGHT

ROOT = Path(__file__).parents[1]
EXAMPLES, PAGE, IMAGES = ROOT / "examples", ROOT / "docs" / "compression.md", ROOT / "docs" / "images"
COLOURS = [LIGHT[name] for name in ("weights", "code", "biases", "multipliers", "negative", "padding")]


@dataclass(frozen=True)
class Anchor:
    """A published result: ``size_bytes`` as its authors count, ``includes`` what that is."""

    network: str
    method: str
    error_percent: float
    nonzero_percent: float | None
    size_bytes: float
    includes: str


ANCHORS = (
    Anchor("LeNet-300-100", "Deep Compression (Han 2016)", 1.58, 8.0, 27_000, "values, gaps, codebook; no biases"),
    Anchor("LeNet-300-100", "Soft weight sharing (Ullrich 2017)", 1.94, 4.3, 16_700, "Han's format"),
    Anchor("LeNet-300-100", "Entropy-penalised reparametrisation (Oktay 2020)", 1.9, None, 8_560, "whole bit stream"),
    Anchor("LeNet-5", "Deep Compression (Han 2016)", 0.74, 8.0, 44_000, "values, gaps, codebook; no biases"),
    Anchor("LeNet-5", "Soft weight sharing (Ullrich 2017)", 0.97, 0.5, 10_600, "Han's format"),
    Anchor("LeNet-5", "Weightless (Reagen 2018)", 1.0, None, 4_520, "Bloomier filters"),
    Anchor("LeNet-5", "Entropy-penalised reparametrisation (Oktay 2020)", 1.0, None, 2_840, "whole bit stream"),
    Anchor("LeNet-5", "Bayesian compression, horseshoe (Louizos 2017)", 1.0, 0.6, 2_300, "claimed, without code"),
    Anchor("LeNet-5", "MIRACLE (Havasi 2019)", 0.96, None, 1_520, "dense: all weights come from a random generator"),
)
"""As the papers state them, or as the later paper that quotes them does (docs/compression.md)."""
OUR_HEADINGS = (
    "recipe", "float error, %", "test error, %", "over seeds", "nonzero", "bytes", "over seeds", "seeds", "minutes",
)  # fmt: skip
PUBLISHED_HEADINGS = ("network", "method", "error, %", "nonzero", "bytes", "which are")
NETWORKS = {
    "mnist-lenet300": "LeNet-300-100",
    "mnist-lenet300-low": "LeNet-300-100",
    "mnist-lenet5": "LeNet-5",
    "mnist-lenet5-small": "LeNet-5",
}


def examples() -> dict[str, dict[str, Any]]:
    """The records of the recipes that there are figures of."""
    found = {}
    for recipe in KNOBS:
        path = EXAMPLES / f"{recipe}.json"
        if path.exists():
            found[recipe] = json.loads(path.read_text(encoding="utf-8"))
    return found


def ours(records: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Rows of the project's own results."""
    for recipe, record in records.items():
        seeds = record["seeds"]
        errors = [100 * (1 - seed["integer_accuracy"]) for seed in seeds]
        sizes = [seed["flash"]["weights_bytes"] for seed in seeds]
        yield (
            f"`{recipe}`",
            f"{100 * (1 - record['float_accuracy']):.2f}",
            f"{100 * (1 - record['integer_accuracy']):.2f}",
            f"{np.mean(errors):.2f} ± {(max(errors) - min(errors)) / 2:.2f}" if len(seeds) > 1 else "-",
            f"{record['nonzero']:,}",
            f"{record['flash']['weights_bytes']:,}",
            f"{np.mean(sizes):,.0f} ± {(max(sizes) - min(sizes)) / 2:,.0f}" if len(seeds) > 1 else "-",
            str(len(seeds)),
            f"{record['training_seconds'] / 60:.0f}",
        )


def published() -> Iterator[tuple[str, ...]]:
    """Rows of what others have published."""
    for anchor in ANCHORS:
        kept = "-" if anchor.nonzero_percent is None else f"{anchor.nonzero_percent:g} %"
        yield (
            anchor.network,
            anchor.method,
            f"{anchor.error_percent:g}",
            kept,
            f"{anchor.size_bytes:,.0f}",
            anchor.includes,
        )


def table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fill(page: str, name: str, text: str) -> str:
    """``page`` with ``text`` between the comments that begin and end ``name``."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{text}\n{end}{after}"


def draw_errors(records: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Error against bytes, ours and published, for the two networks on MNIST."""
    figure = Figure((9.0, 4.2), dpi=130, layout="constrained")
    for axes, network in zip(figure.subplots(1, 2), ("LeNet-300-100", "LeNet-5"), strict=True):
        anchors = sorted((anchor for anchor in ANCHORS if anchor.network == network), key=lambda one: one.size_bytes)
        for number, anchor in enumerate(anchors):
            place = (anchor.size_bytes, anchor.error_percent)
            axes.plot(*place, "s", color=LIGHT["padding"], markersize=6)
            # Neighbours at one height would write over each other.
            axes.annotate(anchor.method.split(" (")[0], place, xytext=(0, (8, -14, 20, -26)[number % 4]), fontsize=7,
                          textcoords="offset points", color=LIGHT["soft"], ha="center")  # fmt: skip
        for recipe in (recipe for recipe in records if NETWORKS.get(recipe) == network):
            seeds = records[recipe]["seeds"]
            axes.plot([seed["flash"]["weights_bytes"] for seed in seeds],
                      [100 * (1 - seed["integer_accuracy"]) for seed in seeds],
                      "o", color=LIGHT["weights"], markersize=6)  # fmt: skip
            axes.annotate(recipe, (records[recipe]["flash"]["weights_bytes"], records[recipe]["test_error_percent"]),
                          xytext=(6, -11), textcoords="offset points", fontsize=8, color=LIGHT["weights"])  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(network)
        axes.set_xlabel("bytes")
        axes.grid(True, color=LIGHT["line"], linewidth=0.5)
        axes.margins(0.25)
    figure.axes[0].set_ylabel("test error, %")
    return figure


def draw_training(recipe: str, curve: Mapping[str, Any]) -> Figure:
    """Living weights and bits of one, by layer, over the epochs of all stages."""
    figure = Figure((9.0, 3.6), dpi=130, layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = curve["epochs"]
    for colour, name in zip(COLOURS, epochs[0]["layers"], strict=False):
        layers = [epoch["layers"].get(name) for epoch in epochs]
        left.plot([100 * layer["nonzero"] / layer["weights"] if layer else np.nan for layer in layers], color=colour,
                  label=f"layer {name.removesuffix('.weight')}")  # fmt: skip
        right.plot([layer["bits"] if layer else np.nan for layer in layers], color=colour)
    for axes, title in ((left, "weights alive, %"), (right, "bits of a living weight")):
        mark_stages(axes, [epoch["stage"] for epoch in epochs])
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.grid(True, color=LIGHT["line"], linewidth=0.5)
    left.set_yscale("log")
    left.legend(frameon=False, fontsize=8)
    figure.suptitle(recipe)
    return figure


def mark_stages(axes: Axes, stages: list[str]) -> None:
    """A line and a name where each stage begins."""
    for place, stage in enumerate(stages):
        if place == 0 or stage != stages[place - 1]:
            axes.axvline(place, color=LIGHT["padding"], linewidth=0.6)
            axes.annotate(stage, (place, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -3), rotation=90,
                          textcoords="offset points", fontsize=7, color=LIGHT["soft"], va="top")  # fmt: skip


def draw_signal(recipe: str, curve: Mapping[str, Any]) -> Figure:
    """Histograms of the posterior's signal-to-noise ratio at the end of the sparse stage."""
    found = curve["signal_to_noise"]
    edges = np.array(found["decades"])
    figure = Figure((7.0, 3.4), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    for colour, (name, counts) in zip(COLOURS, found["counts"].items(), strict=False):
        axes.stairs(
            np.array(counts) / max(1, sum(counts)), edges, color=colour, label=f"layer {name.removesuffix('.weight')}"
        )
    axes.axvline(-0.5 * 3.0 / np.log(10), color=LIGHT["negative"], linewidth=0.8)
    axes.annotate("pruned below", (-0.5 * 3.0 / np.log(10), 1.0), xycoords=("data", "axes fraction"), xytext=(-62, -10),
                  textcoords="offset points", fontsize=8, color=LIGHT["negative"])  # fmt: skip
    axes.set_yscale("log")
    axes.set_xlabel("decades of |mean| / deviation")
    axes.set_ylabel("part of the weights")
    axes.set_title(f"{recipe}: what the posterior is sure of")
    axes.legend(frameon=False, fontsize=8)
    return figure


def main() -> None:
    """Draws all there is, and fills in the tables."""
    records = examples()
    IMAGES.mkdir(exist_ok=True)
    draw_errors(records).savefig(IMAGES / "compression-errors.png", metadata={"Software": None})
    for recipe in records:
        path = EXAMPLES / f"{recipe}.curve.json"
        if path.exists():
            curve = json.loads(path.read_text(encoding="utf-8"))
            draw_training(recipe, curve).savefig(IMAGES / f"compression-{recipe}.png", metadata={"Software": None})
            draw_signal(recipe, curve).savefig(IMAGES / f"compression-{recipe}-signal.png", metadata={"Software": None})
    page = PAGE.read_text(encoding="utf-8")
    headings = (
        "recipe",
        "float error, %",
        "test error, %",
        "over seeds",
        "nonzero",
        "bytes",
        "over seeds",
        "seeds",
        "minutes",
    )
    page = fill(page, "results", table(headings, ours(records)))
    page = fill(
        page, "published", table(("network", "method", "error, %", "nonzero", "bytes", "which are"), published())
    )
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
