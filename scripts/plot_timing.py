"""Remakes the pictures and prints the tables of docs/timing.md.

    .venv/bin/python scripts/plot_timing.py

wants arm-none-eabi-as and, for the comparison with llvm-mca, LLVM 22.
"""

import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.unit.timing.classes import CLASSES, cycles_of  # noqa: E402
from tests.unit.timing.loops import GATHER, LOOPS, llvm_mca, mca_cycles, model_cycles  # noqa: E402

IMAGES = ROOT / "docs" / "images"
# MLPerf Tiny, results of rounds 1.0 to 1.3 (MLCommons): cycles per multiplication of ResNet-8 (12,501,632 of them),
# which is the clock divided by throughput and by that number; the fastest and the slowest engine.
PUBLISHED = {
    "cortex-m0plus": (7.79, 8.55),
    "cortex-m4": (1.59, 3.74),
    "cortex-m33": (1.40, 3.24),
    "cortex-m7": (0.91, 1.08),
}
DENSE_V6M = """
    ldrsb r0, [r4, r5]
    ldrb r1, [r6, r5]
    muls r1, r0
    add r8, r1
    ldrb r1, [r7, r5]
    muls r1, r0
    add r9, r1
    ldrb r1, [r3, r5]
    muls r1, r0
    add r10, r1
    ldrb r1, [r2, r5]
    muls r1, r0
    add r11, r1
    adds r5, #1
    bne loop
"""
INNER_LOOPS = {
    "cortex-m0plus": (DENSE_V6M, 4),
    "cortex-m4": (LOOPS["cortex-m7"]["dense pairs"], 32),
    "cortex-m33": (LOOPS["cortex-m7"]["dense pairs"], 32),
    "cortex-m7": (LOOPS["cortex-m7"]["dense pairs"], 32),
}
"""Dense inner loops, and how many multiplications one pass makes."""


def main() -> None:
    """Pictures into docs/images, tables to standard output."""
    matplotlib.rcParams["svg.hashsalt"] = "tinybayes"
    with tempfile.TemporaryDirectory() as work:
        _classes(Path(work))
        _loops(Path(work))
        _published(Path(work))


def _save(figure: plt.Figure, name: str) -> None:
    figure.tight_layout()
    figure.savefig(IMAGES / name, metadata={"Date": None})
    plt.close(figure)


def _classes(work: Path) -> None:
    figure, axes = plt.subplots(1, len(CLASSES), figsize=(11, 4.5))
    for axis, (core, classes) in zip(axes, CLASSES.items(), strict=True):
        names = list(classes)
        print(f"\n| {core} | manual | model |\n| --- | ---: | ---: |")
        found = [cycles_of(core, classes[name][0], work) for name in names]
        for name, model in zip(names, found, strict=True):
            print(f"| {name} | {classes[name][1]} | {model:g} |")
        places = range(len(names))
        axis.barh([p - 0.2 for p in places], [classes[name][1] for name in names], 0.4, label="manual", color="#9aa5b1")
        axis.barh([p + 0.2 for p in places], found, 0.4, label="model", color="#1f6feb")
        axis.set_yticks(list(places), names, fontsize=8)
        axis.set(title=core, xlabel="cycles")
        axis.invert_yaxis()
    axes[0].legend(fontsize=8)
    _save(figure, "timing-classes.svg")


def _loops(work: Path) -> None:
    tool = llvm_mca()
    if tool is None:
        sys.exit("llvm-mca 22 or newer was not found; scripts/setup.sh installs it")
    print("\n| core | loop | llvm-mca | model | difference |\n| --- | --- | ---: | ---: | ---: |")
    figure, axes = plt.subplots(1, len(LOOPS), figsize=(10, 3.2))
    for axis, (core, loops) in zip(axes, LOOPS.items(), strict=True):
        rows = [(name, mca_cycles(core, body, tool), model_cycles(core, body, work)) for name, body in loops.items()]
        for name, theirs, ours in rows:
            print(f"| {core} | {name} | {theirs:.1f} | {ours:.1f} | {100 * (ours / theirs - 1):+.0f} % |")
        places = range(len(rows))
        axis.barh([p - 0.2 for p in places], [row[1] for row in rows], 0.4, label="llvm-mca 22", color="#9aa5b1")
        axis.barh([p + 0.2 for p in places], [row[2] for row in rows], 0.4, label="model", color="#1f6feb")
        axis.set_yticks(list(places), [row[0] for row in rows])
        axis.set(title=core, xlabel="cycles of one pass")
        axis.invert_yaxis()
    axes[0].legend(fontsize=8)
    _save(figure, "timing-loops.svg")
    theirs, ours = mca_cycles("cortex-m55", GATHER, tool), model_cycles("cortex-m55", GATHER, work)
    print(f"| cortex-m55 | gather | {theirs:.1f} | {ours:.1f} | {100 * (ours / theirs - 1):+.0f} % |")


def _published(work: Path) -> None:
    print("\n| core | published | model, inner loop |\n| --- | ---: | ---: |")
    figure, axis = plt.subplots(figsize=(7, 2.8))
    for place, (core, (body, products)) in enumerate(INNER_LOOPS.items()):
        low, high = PUBLISHED[core]
        model = model_cycles(core, body, work) / products
        print(f"| {core} | {low:.2f} to {high:.2f} | {model:.2f} |")
        axis.barh(
            place, high - low, left=low, color="#9aa5b1", label="published, whole network" if place == 0 else None
        )
        axis.plot(model, place, "o", color="#1f6feb", label="model, inner loop" if place == 0 else None)
    axis.set_yticks(range(len(INNER_LOOPS)), list(INNER_LOOPS))
    axis.set(xlabel="cycles per multiplication", xlim=(0, 9))
    axis.invert_yaxis()
    axis.legend(fontsize=8)
    _save(figure, "timing-published.svg")


if __name__ == "__main__":
    main()
