"""Measures networks against the bars that kernels must keep, as a table and as JSON.

    .venv/bin/python scripts/bench.py [--json out/bench.json] [--only TEXT]

One inference of the network alone, traced in QEMU on a board with the core; cycles are those of the core's model at
zero wait states, and where those of a plainer model (``scripts/plain_model.py``) differ by more than 5 %, they stand
beside. Exit status 1 where a bar is missed. The figures of CMSIS-NN that some bars are parts of were taken once with
gcc 12.2 at -Ofast in the same emulation, cycles by the plainer model (`docs/performance.md`). Plans are measured for
half an hour once, and kept in out/random_plans.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts import random_plans
from scripts.bar_networks import (
    convolutional,
    dense_lenet300,
    depthwise_separable,
    large_layers,
    layer_in_blocks,
    layer_of,
    sparse_chain,
    sparse_layer,
    trained,
    trained_lenet5,
)  # fmt: skip
from scripts.plain_model import PLAIN_MODELS
from tinybayes.boards import load_board
from tinybayes.ir import Graph, MacNode
from tinybayes.latency import trace_in_emulation
from tinybayes.pipeline import compile_network
from tinybayes.timing.model import cycles as cycles_of

BOARDS = {"m0": "microbit", "m0plus": "pico", "m3": "mps2-an385", "m4": "mps2-an386", "m55": "mps3-an547"}
MODELS_DIFFER = 0.05
"""Share of the cycles from which on those of the plainer model are shown as well."""


@dataclass(frozen=True)
class Got:
    """A figure, and what it is by the plainer timing model where that counts anything."""

    value: float
    plain: float | None = None

    def over(self, count: float) -> "Got":
        """The figure for each of ``count``."""
        return Got(self.value / count, None if self.plain is None else self.plain / count)


@dataclass(frozen=True)
class Bar:
    """One demand: ``most`` of ``unit`` for a network on a core."""

    name: str
    core: str
    unit: str
    most: float
    measure: Callable[[], Got]


@dataclass(frozen=True)
class Result:
    """What was measured against a bar; ``plain`` is what the plainer timing model makes of it."""

    name: str
    core: str
    unit: str
    most: float
    got: float
    plain: float | None
    passed: bool

    @property
    def line(self) -> str:
        """The row of the table."""
        verdict = "pass" if self.passed else "MISS"
        text = f"{verdict}  {self.name:42} {self.core:6} {self.got:12,.2f} of {self.most:12,.2f} {self.unit}"
        differs = self.plain is not None and abs(self.plain / self.got - 1) > MODELS_DIFFER
        return f"{text} ({self.plain:,.2f} by the plainer model)" if differs else text


def measured(
    graph: Graph, core: str, objective: str, weight_format: str | None = None, *, sizes: bool = False
) -> dict[str, Got]:
    """Instructions and cycles of one inference in the bare image, bytes of the arena, and of weights and image."""
    formats = None
    if weight_format is not None:
        formats = {node.name: weight_format if isinstance(node, MacNode) else None for node in graph.nodes}
    board = load_board(BOARDS[core])
    with TemporaryDirectory() as work:
        made = compile_network(graph, board, Path(work) / "out", objective=objective, protocol="none", formats=formats)
        figures = {"arena_bytes": Got(made.record["ram"]["arena_bytes"])}
        if sizes:
            made.build()
            figures |= {name: Got(made.record["flash"][name]) for name in ("weights_bytes", "image_bytes")}
        traced = trace_in_emulation(made.directory, made.name, made.plan, made.digest, board)
    cost, model = traced.cost_on(board).total, PLAIN_MODELS.get(board.core)
    plain = None
    if model is not None:
        plain = cycles_of(traced.program, traced.trace, model, board.chip.flash_timing).total.cycles
    return {**figures, "instructions": Got(cost.instructions), "cycles": Got(cost.cycles, plain)}


def latency(graph: Callable[[], Graph], core: str, unit: str, objective: str = "latency") -> Callable[[], Got]:
    """Instructions or cycles of a network."""
    return lambda: measured(graph(), core, objective)[unit]


def each_nonzero(graph: Graph, core: str, weight_format: str, unit: str = "cycles") -> Callable[[], Got]:
    """Instructions or cycles of a layer, rows and all, by nonzero."""
    nonzero = sum(node.nonzero for node in graph.mac_nodes)
    return lambda: measured(graph, core, "latency", weight_format)[unit].over(nonzero)


SIZES = (1000, 10_000, 100_000, 1_000_000)
SPREADS = (
    ("m4", "index", 1_000_000), ("m4", "delta", 1_000_000), ("m4", "grouped", 1_000_000), ("m4", "huffman", 1_000_000),
    ("m4", "blocks4x1", 1_000_000), ("m4", "blocks1x4", 1_000_000), ("m4", "straight", 400_000),
    ("m0plus", "index", 800_000), ("m0plus", "grouped", 800_000), ("m0plus", "huffman", 1_000_000),
    ("m0plus", "blocks4x1", 1_000_000), ("m0plus", "straight", 300_000),
    ("m55", "index", 200_000), ("m55", "gather", 200_000), ("m55", "grouped", 200_000), ("m55", "blocks4x1", 300_000),
    ("m55", "blocks1x4", 300_000), ("m55", "blocks1x16", 300_000),
)  # fmt: skip
"""Core, weight format, and the most nonzeros of it that the flash of the core's board holds, up to a million."""


def spread(core: str, weight_format: str, most: int) -> Callable[[], Got]:
    """By how much more cycles a nonzero takes at most than at least, over layers of up to ``most`` nonzeros."""
    block = [int(side) for side in weight_format.removeprefix("blocks").split("x")] if "blocks" in weight_format else []

    def measure() -> Got:
        each = []
        for size in (*(size for size in SIZES if size < most), most):
            graph = layer_of(size, *block)
            each.append(each_nonzero(graph, core, weight_format)().value)
        return Got(max(each) / min(each) - 1)

    return measure


def allowance(graph: Graph, each: float, row: float) -> float:
    """Cycles for every nonzero and every live row."""
    rows = sum(int(np.count_nonzero(node.matrix.any(axis=1))) for node in graph.mac_nodes)
    return each * sum(node.nonzero for node in graph.mac_nodes) + row * rows


def linear_bars() -> list[Bar]:
    """The bars of fully connected networks."""
    dense = (("m4", "cycles", 0.85 * 642e3), ("m3", "cycles", 0.85 * 1.62e6), ("m0plus", "cycles", 0.75 * 2.28e6),
             ("m55", "instructions", 0.6 * 130_883))  # fmt: skip
    bars = [
        Bar("LeNet-300-100 dense", core, unit, most, latency(dense_lenet300, core, unit)) for core, unit, most in dense
    ]
    for levels, core, weight_format, most in (
        (8, "m4", "straight", 2.6), (8, "m4", "index", 6.3), (8, "m0", "straight", 5.5), (8, "m0", "index", 10.5),
        (255, "m4", "straight", 3.6), (255, "m0", "straight", 7.0),
    ):  # fmt: skip
        name = f"64x256, 90 % zero, {levels} levels, {weight_format}"
        measure = each_nonzero(sparse_layer(min(levels, 254)), core, weight_format)
        bars.append(Bar(name, core, "cycles/nonzero", most, measure))
    for rows, columns, core, most in ((1, 4, "m4", 3.8), (4, 1, "m0", 7.5)):
        name = f"64x256, 90 % zero, 8 levels, blocks {rows}x{columns}"
        measure = each_nonzero(layer_in_blocks(rows, columns), core, f"blocks{rows}x{columns}")
        bars.append(Bar(name, core, "cycles/nonzero", most, measure))
    for core, weight_format, nonzeros in SPREADS:
        name = f"1,000 to {nonzeros:,} nonzeros, {weight_format}"
        bars.append(Bar(name, core, "spread", 0.1, spread(core, weight_format, nonzeros)))
    gather = each_nonzero(sparse_layer(8), "m55", "gather", "instructions")
    bars.append(Bar("64x256, 90 % zero, 8 levels, gather", "m55", "instructions/nonzero", 1.5, gather))
    for core, most in (("m4", 12_800), ("m0", 25_000)):
        bars.append(Bar("mnist-lenet300, latency", core, "cycles", most, latency(trained, core, "cycles")))
    flash = "mnist-lenet300, flash"
    bars.append(Bar(flash, "m4", "cycles", 128_000, latency(trained, "m4", "cycles", "flash")))
    for figure, most in (("weights_bytes", 5000), ("image_bytes", 8000)):
        bars.append(Bar(flash, "m4", figure, most, flash_bytes(figure)))
    for name, graph in (("700-120-60-12, 97 % zero", sparse_chain), ("mnist-lenet300, by rows", trained)):
        for core, each, row in (("m4", 2.6, 16), ("m0", 4.6, 45)):
            bars.append(Bar(name, core, "cycles", allowance(graph(), each, row), latency(graph, core, "cycles")))
    return bars


CONV_BASELINE = {
    "LeNet-5": {"m4": 6.83e6, "m3": 13.3e6, "m0": 24.9e6, "m55": 1.146e6, "arena_bytes": 16_408},
    "IMU CNN": {"m4": 3.15e6, "m3": 6.21e6, "m0": 12.7e6, "m55": 409_396, "arena_bytes": 6920},
}
"""What CMSIS-NN takes for the dense networks: cycles (M55: instructions), and bytes of RAM."""


def conv_bars() -> list[Bar]:
    """The bars of convolutional networks."""
    found = []
    for name, baseline in CONV_BASELINE.items():
        for core, part in (("m4", 0.85), ("m3", 0.85), ("m0", 0.75), ("m55", 0.6)):
            graph = partial(convolutional, name)
            board = "m0plus" if core == "m0" else core  # the M0 of the emulated board has too little flash
            unit = "instructions" if core == "m55" else "cycles"
            found.append(Bar(f"{name} dense", board, unit, part * baseline[core], latency(graph, board, unit)))
        most = 0.6 * baseline["arena_bytes"]
        found.append(Bar(f"{name} dense", "m4", "arena_bytes", most, arena(partial(convolutional, name))))
    eighth = CONV_BASELINE["LeNet-5"]["m4"] / 8
    found.append(Bar("mnist-lenet5, latency", "m4", "cycles", eighth, latency(trained_lenet5, "m4", "cycles")))
    found.append(Bar("mnist-lenet5, latency", "m4", "arena_bytes", 4600, arena(trained_lenet5)))
    kept = (0.33, 0.02, 0.002, 0.05)
    for name, densities, blocks, most, arena_most in (
        ("LeNet-5", kept, False, eighth, 4600),
        ("IMU CNN", 0.1, False, CONV_BASELINE["IMU CNN"]["m4"] / 4.5, 4150),
        ("IMU CNN", 0.1, True, CONV_BASELINE["IMU CNN"]["m4"] / 6, 4150),
        ("IMU CNN", 0.5, False, 1.9e6, 4152),
        ("IMU CNN", 0.35, True, 2.2e6, 4152),
    ):
        text = f"{100 * densities:.0f} %" if isinstance(densities, float) else "33, 2, 0.2, 5 %"
        graph = partial(convolutional, name, densities, blocks)
        title = f"{name}, {text} kept{' in blocks' if blocks else ''}"
        found.append(Bar(title, "m4", "cycles", most, latency(graph, "m4", "cycles")))
        found.append(Bar(title, "m4", "arena_bytes", arena_most, arena(graph)))
    return found


DEPTHWISE_BASELINE = {"m4": 9.25e6, "m3": 16.6e6, "m0plus": 41.5e6, "m55": 1.785e6, "arena_bytes": 16_264}
"""What CMSIS-NN takes for the depthwise separable network: cycles (M55: instructions), and bytes of RAM."""


def depthwise_bars() -> list[Bar]:
    """The bars of the depthwise separable network."""
    demands = (("m4", 0.85, "cycles"), ("m3", 0.85, "cycles"), ("m0plus", 0.75, "cycles"), ("m55", 0.6, "instructions"))
    found = [
        Bar("DS-CNN dense", core, unit, part * DEPTHWISE_BASELINE[core], latency(depthwise_separable, core, unit))
        for core, part, unit in demands
    ]
    most = 0.6 * DEPTHWISE_BASELINE["arena_bytes"]
    return [*found, Bar("DS-CNN dense", "m4", "arena_bytes", most, arena(depthwise_separable))]


def arena(graph: Callable[[], Graph]) -> Callable[[], Got]:
    """Bytes of the arena on the M4."""
    return lambda: measured(graph(), "m4", "latency")["arena_bytes"]


def flash_bytes(figure: str) -> Callable[[], Got]:
    """Bytes of the trained network's smallest image for the M4."""
    return lambda: measured(trained(), "m4", "flash", sizes=True)[figure]


def compile_seconds(graph: Callable[[], Graph]) -> Callable[[], Got]:
    """Seconds of the processor that planning and writing a network for the M4 takes."""

    def measure() -> Got:
        network, board = graph(), load_board(BOARDS["m4"])
        with TemporaryDirectory() as work:
            start = process_time()
            compile_network(network, board, Path(work) / "out", objective="latency")
            return Got(process_time() - start)

    return measure


def share_of_dense(core: str) -> Callable[[], Got]:
    """Cycles of the trained network as a part of those of its own dense code, dead units removed in both."""

    def measure() -> Got:
        sparse, dense = (measured(trained(), core, "latency", kept)["cycles"] for kept in (None, "dense"))
        return Got(sparse.value / dense.value)

    return measure


def convolutional_share_of_dense(kept: float, in_blocks: bool) -> Callable[[], Got]:
    """Cycles of the sparse IMU network on the M4 as a part of those of its own dense code."""

    def measure() -> Got:
        graph = convolutional("IMU CNN", kept, in_blocks)
        sparse, dense = (measured(graph, "m4", "latency", only)["cycles"] for only in (None, "dense"))
        return Got(sparse.value / dense.value)

    return measure


def other_bars() -> list[Bar]:
    """What sparsity alone brings, and how long compiling takes."""
    return [
        *(
            Bar(
                f"IMU CNN, {name}, of its own dense code",
                "m4",
                "of dense",
                1.0,
                convolutional_share_of_dense(kept, blocks),
            )
            for name, kept, blocks in (("50 % kept", 0.5, False), ("35 % kept in blocks", 0.35, True))
        ),
        *(
            Bar("mnist-lenet300, of its own dense code", core, "of dense", 1.0, share_of_dense(core))
            for core in ("m4", "m0")
        ),
        Bar("compiling LeNet-5", "m4", "seconds", 10, compile_seconds(partial(convolutional, "LeNet-5"))),
        Bar("compiling 1,000,000 weights", "m4", "seconds", 60, compile_seconds(large_layers)),
    ]


@cache
def finding(name: str, core: str) -> random_plans.Finding:
    """The chosen plan of a network and its estimates, held against random plans."""
    return random_plans.judge(name, core, random_plans.plans_on(core))


def plan_bars() -> list[Bar]:
    """The bars of choices and estimates; what was measured before is kept (``scripts/random_plans.py``)."""
    found = []
    for name in random_plans.NETWORKS:
        for core in random_plans.BOARDS:
            for text, unit, most, figure in (
                ("chosen plan", "behind the best", random_plans.MOST_BEHIND, "behind"),
                ("predicted cycles", "off at worst", random_plans.MOST_OFF, "farthest_off"),
                ("predicted bytes", "plans that differ", 0, "wrong_bytes"),
            ):
                measure = partial(plan_figure, name, core, figure)
                found.append(Bar(f"{name}, {text}", core, unit, most, measure))
    return found


def plan_figure(name: str, core: str, figure: str) -> Got:
    """One figure of a finding."""
    return Got(getattr(finding(name, core), figure))


def main() -> int:
    """Prints a line for each bar; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--only", default="", help="only bars whose name and core contain this")
    options = parser.parse_args()
    results = []
    for bar in [*linear_bars(), *conv_bars(), *depthwise_bars(), *other_bars(), *plan_bars()]:
        if options.only not in f"{bar.name} {bar.core}":
            continue
        got = bar.measure()
        passed = got.value <= bar.most
        results.append(Result(bar.name, bar.core, bar.unit, bar.most, got.value, got.plain, passed))
        print(results[-1].line, flush=True)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
