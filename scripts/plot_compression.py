"""Draws docs/images/compression-*.png and rewrites the tables of docs/compression.md from examples/*.json.

    .venv/bin/python scripts/plot_compression.py

Nothing is trained; run scripts/make_examples.py first for figures of your own.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.compression_anchors import ANCHORS, LENET5, LENET300, SMALL
from scripts.tables import fill, table
from tinybayes import tbn
from tinybayes.compress import han_sizes
from tinybayes.recipes.knobs import KNOBS
from tinybayes.report.theme import LIGHT

ROOT = Path(__file__).parents[1]
EXAMPLES, PAGE, IMAGES = ROOT / "examples", ROOT / "docs" / "compression.md", ROOT / "docs" / "images"
COLOURS = [LIGHT[name] for name in ("weights", "code", "biases", "multipliers", "negative", "padding")]


OUR_HEADINGS = (
    "recipe", "float error, %", "test error, %", "over seeds", "nonzero", "bytes", "over seeds", "seeds", "minutes",
)  # fmt: skip
PUBLISHED_HEADINGS = ("network", "method", "error, %", "nonzero", "bytes", "what the bytes include", "source")
ACCOUNTING_HEADINGS = (
    "recipe", "Deep Compression, fixed widths", "with Huffman codes", "of which fillers", "bytes in flash", "nonzero",
)  # fmt: skip
NETWORKS = {
    "mnist-lenet300": LENET300,
    "mnist-lenet300-low": LENET300,
    "mnist-lenet5": LENET5,
    "mnist-lenet5-small": SMALL,
}
PANELS = {
    "LeNet-300-100, 266,200 weights": (LENET300,),
    "LeNet-5-Caffe, 430,500 weights, and small ones": (LENET5, SMALL),
}
MARKERS = {LENET300: "o", LENET5: "o", SMALL: "^"}
LABELS = {
    (LENET300, "entropy-penalised"): (0, -13, "center"),
    (LENET300, "Sparse VD's masks"): (0, 7, "center"),
    (LENET5, "MIRACLE"): (0, -13, "center"),
    (LENET5, "Sparse VD's masks"): (8, -3, "left"),
    (LENET5, "Weightless"): (0, 20, "center"),
    (LENET5, "horseshoe"): (-1, -13, "center"),
    (LENET5, "horseshoe, most"): (-7, 3, "right"),
    (LENET5, "normal-Jeffreys"): (14, -13, "left"),
    (SMALL, "mnist-lenet5-small"): (12, -15, "right"),
}
"""Where labels stand beside their marks, in points, that would else run into a neighbour's."""


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
    for one in ANCHORS:
        size = "-" if one.size_bytes is None else f"{one.size_bytes:,}"
        yield one.network, one.method, f"{one.error_percent:g}", one.nonzero, size, one.includes, one.source


def accounting(records: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Rows of the shipped networks as Deep Compression counts them, beside what they take."""
    for recipe, record in records.items():
        sizes = han_sizes(tbn.load(EXAMPLES / f"{recipe}.tbn")).values()
        yield (
            f"`{recipe}`",
            f"{sum(size.fixed_bits for size in sizes) / 8:,.0f}",
            f"{sum(size.huffman_bits for size in sizes) / 8:,.0f}",
            f"{sum(size.fillers for size in sizes):,}",
            f"{record['flash']['weights_bytes']:,}",
            f"{record['nonzero']:,}",
        )


def pictures(recipes: Iterable[str], suffix: str, text: str) -> str:
    """Markdown of the pictures of recipes that there are curves of."""
    return "\n\n".join(f"![{recipe}: {text}](images/compression-{recipe}{suffix}.png)" for recipe in recipes)


def draw_errors(records: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Error against bytes, ours and published, for the networks on MNIST; a line joins what nothing else beats."""
    figure = Figure((10.5, 4.8), dpi=130, layout="constrained")
    for axes, (title, networks) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
        anchors = [anchor for anchor in ANCHORS if anchor.network in networks and anchor.size_bytes is not None]
        for anchor in anchors:
            place = (anchor.size_bytes, anchor.error_percent)
            axes.plot(*place, "s" if MARKERS[anchor.network] == "o" else "v", color=LIGHT["padding"], markersize=6)
            right, up, side = LABELS.get((anchor.network, anchor.label), (0, 7, "center"))
            axes.annotate(anchor.label, place, xytext=(right, up), ha=side, fontsize=7, textcoords="offset points",
                          color=LIGHT["soft"])  # fmt: skip
        points = [(anchor.size_bytes, anchor.error_percent) for anchor in anchors]
        draw_front(axes, points, LIGHT["padding"])
        reached: list[tuple[float, float]] = []
        for recipe in (recipe for recipe in records if NETWORKS.get(recipe) in networks):
            seeds = records[recipe]["seeds"]
            points = [(seed["flash"]["weights_bytes"], 100 * (1 - seed["integer_accuracy"])) for seed in seeds]
            reached += points
            axes.plot(*zip(*points, strict=True), MARKERS[NETWORKS[recipe]], color=LIGHT["weights"], markersize=6)
            right, up, side = LABELS.get((NETWORKS[recipe], recipe), (8, -3, "left"))
            axes.annotate(recipe, (records[recipe]["flash"]["weights_bytes"], records[recipe]["test_error_percent"]),
                          xytext=(right, up), ha=side, textcoords="offset points", fontsize=8,
                          color=LIGHT["weights"])  # fmt: skip
        draw_front(axes, reached, LIGHT["weights"])
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("bytes")
        axes.grid(True, color=LIGHT["line"], linewidth=0.5)
        axes.margins(0.2)
    figure.axes[0].set_ylabel("test error, %")
    kinds = (("s", "padding", "published"), ("v", "padding", "published, small network"),
             ("o", "weights", "recipes, each seed"), ("^", "weights", "recipes, small network"))  # fmt: skip
    handles = [
        Line2D([], [], marker=mark, linestyle="", color=LIGHT[colour], label=text) for mark, colour, text in kinds
    ]
    handles += [Line2D([], [], linestyle="--", color=LIGHT["soft"], label="nothing of its kind beats these")]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def draw_front(axes: Axes, points: Iterable[tuple[float, float]], colour: str) -> None:
    """A staircase through the points that no other beats in bytes and in error."""
    front: list[tuple[float, float]] = []
    for size, error in sorted(points):
        if not front or error < front[-1][1]:
            front.append((size, error))
    if front:
        axes.step(*zip(*front, strict=True), "--", where="post", color=colour, linewidth=0.9)


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
    left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
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
    knobs = KNOBS[recipe]()
    if knobs.block_columns == 1:  # blocks go by the ratio of all their weights, and none has a limit of its own
        limit = -0.5 * knobs.threshold / np.log(10)  # log alpha is that of variance over mean squared
        axes.axvline(limit, color=LIGHT["negative"], linewidth=0.8)
        axes.annotate("pruned below", (limit, 1.0), xycoords=("data", "axes fraction"), xytext=(-62, -10),
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
    curves = {}
    for recipe in records:
        path = EXAMPLES / f"{recipe}.curve.json"
        if path.exists():
            curves[recipe] = json.loads(path.read_text(encoding="utf-8"))
    seen = [recipe for recipe, curve in curves.items() if curve["signal_to_noise"]["counts"]]
    followed = [recipe for recipe, curve in curves.items() if curve["epochs"]]
    for recipe in followed:
        draw_training(recipe, curves[recipe]).savefig(IMAGES / f"compression-{recipe}.png", metadata={"Software": None})
    for recipe in seen:
        path = IMAGES / f"compression-{recipe}-signal.png"
        draw_signal(recipe, curves[recipe]).savefig(path, metadata={"Software": None})
    page = PAGE.read_text(encoding="utf-8")
    page = fill(page, "results", table(OUR_HEADINGS, ours(records)))
    page = fill(page, "published", table(PUBLISHED_HEADINGS, published()))
    page = fill(page, "accounting", table(ACCOUNTING_HEADINGS, accounting(records)))
    page = fill(page, "trainings", pictures(followed, "", "weights alive and bits of one over the epochs"))
    page = fill(page, "signals", pictures(seen, "-signal", "signal to noise of the posterior"))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
