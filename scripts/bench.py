"""Measures networks against the bars that kernels must keep, as a table and as JSON.

    .venv/bin/python scripts/bench.py [--json out/bench.json] [--only TEXT]

One inference of the network alone, traced in QEMU on a board with the core; cycles are those of the core's model at
zero wait states. Exit status 1 where a bar is missed. The figures of CMSIS-NN that some bars are parts of were taken
once with gcc 12.2 at -Ofast in the same emulation (`docs/performance.md`).
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import bars
from tests.networks import Builder
from tinybayes import tbn
from tinybayes.boards import load_board
from tinybayes.ir import Graph, MacNode
from tinybayes.pipeline import compile_network

EXAMPLES = Path(__file__).parents[1] / "examples"
BOARDS = {"m0": "microbit", "m0plus": "pico", "m3": "mps2-an385", "m4": "mps2-an386", "m55": "mps3-an547"}


@dataclass(frozen=True)
class Bar:
    """One demand: ``most`` of ``unit`` for a network on a core."""

    name: str
    core: str
    unit: str
    most: float
    measure: Callable[[], float]


@dataclass(frozen=True)
class Result:
    """What was measured against a bar."""

    name: str
    core: str
    unit: str
    most: float
    got: float
    passed: bool


@cache
def dense_lenet300() -> Graph:
    """784-300-100-10 with random weights, none of them zero."""
    chain = Builder(np.random.default_rng(0), (784,), density=1.0, levels=254)
    return chain.linear(300, "uint8").linear(100, "uint8").linear(10).graph()


@cache
def sparse_layer(levels: int) -> Graph:
    """64 x 256, 90 % of the weights zero at random."""
    return Builder(np.random.default_rng(0), (256,), density=0.1, levels=levels).linear(64).graph()


@cache
def layer_in_blocks(rows: int, columns: int) -> Graph:
    """64 x 256, 90 % of the blocks of ``rows`` x ``columns`` zero at random, 8 levels."""
    chain = Builder(np.random.default_rng(0), (256,), density=1.0, levels=8).linear(64)
    live = chain.rng.random((64 // rows, 256 // columns)) < 0.1
    chain.nodes[0].weight[:] *= np.kron(live, np.ones((rows, columns), np.int8)).reshape(64, 1, 1, 256)  # type: ignore[attr-defined]
    return chain.graph()


@cache
def layer_of(nonzeros: int) -> Graph:
    """A layer of ``nonzeros`` weights, 100 in each row of 1,000 columns, 3 levels."""
    chain = Builder(np.random.default_rng(0), (1000,), density=0.0, levels=3).linear(nonzeros // 100)
    weight = chain.nodes[0].weight.reshape(-1, 1000)  # type: ignore[attr-defined]
    places = np.argsort(chain.rng.random(weight.shape), axis=1)[:, :100]
    weight[:] = 0
    np.put_along_axis(weight, places, chain.rng.choice([-90, 11, 127], places.shape).astype(np.int8), axis=1)
    return chain.graph()


@cache
def sparse_chain() -> Graph:
    """Three sparse layers whose rows are of very different lengths."""
    chain = Builder(np.random.default_rng(1), (700,), density=0.03, levels=15)
    return chain.linear(120, "uint8").linear(60, "uint8").linear(12).graph()


@cache
def trained() -> Graph:
    """The trained LeNet-300-100 that ships with tinybayes."""
    return tbn.load(EXAMPLES / "mnist-lenet300.tbn")


def record(
    graph: Graph, core: str, objective: str, weight_format: str | None = None, *, sizes: bool = False
) -> Mapping[str, dict[str, float]]:
    """report.json of the bare image, with what one inference takes."""
    formats = None
    if weight_format is not None:
        formats = {node.name: weight_format if isinstance(node, MacNode) else None for node in graph.nodes}
    with TemporaryDirectory() as work:
        deployment = compile_network(
            graph, load_board(BOARDS[core]), Path(work) / "out", objective=objective, protocol="none", formats=formats
        )
        if sizes:
            deployment.build()
        deployment.measure_latency()
        return deployment.record


def latency(graph: Callable[[], Graph], core: str, unit: str, objective: str = "latency") -> Callable[[], float]:
    """Instructions or cycles of a network."""
    return lambda: float(record(graph(), core, objective)["latency"][unit])


def each_nonzero(levels: int, core: str, weight_format: str, unit: str = "cycles") -> Callable[[], float]:
    """Instructions or cycles of the sparse layer, rows and all, by nonzero."""
    graph = sparse_layer(levels)
    nonzero = sum(node.nonzero for node in graph.mac_nodes)
    return lambda: record(graph, core, "latency", weight_format)["latency"][unit] / nonzero


def each_in_blocks(rows: int, columns: int, core: str) -> Callable[[], float]:
    """Cycles of the layer in blocks, rows and all, by nonzero."""
    graph = layer_in_blocks(rows, columns)
    nonzero = sum(node.nonzero for node in graph.mac_nodes)
    return lambda: record(graph, core, "latency", f"blocks{rows}x{columns}")["latency"]["cycles"] / nonzero


def spread(core: str, weight_format: str, sizes: tuple[int, ...]) -> Callable[[], float]:
    """By how much more cycles a nonzero takes at most than at least, over layers of several sizes."""

    def measure() -> float:
        each = [record(layer_of(size), core, "latency", weight_format)["latency"]["cycles"] / size for size in sizes]
        return max(each) / min(each) - 1

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
        measure = each_nonzero(min(levels, 254), core, weight_format)
        bars.append(Bar(name, core, "cycles/nonzero", most, measure))
    for rows, columns, core, most in ((1, 4, "m4", 3.8), (4, 1, "m0", 7.5)):
        name = f"64x256, 90 % zero, 8 levels, blocks {rows}x{columns}"
        bars.append(Bar(name, core, "cycles/nonzero", most, each_in_blocks(rows, columns, core)))
    million, what_fits = (1000, 10_000, 100_000, 1_000_000), (1000, 10_000, 100_000, 400_000)
    for weight_format in ("index", "delta", "grouped", "blocks4x1", "huffman", "straight"):
        sizes = what_fits if weight_format in ("straight", "blocks4x1") else million
        name = f"1,000 to {sizes[-1]:,} nonzeros, {weight_format}"
        bars.append(Bar(name, "m4", "spread", 0.1, spread("m4", weight_format, sizes)))
    gather = each_nonzero(8, "m55", "gather", "instructions")
    bars.append(Bar("64x256, 90 % zero, 8 levels, gather", "m55", "instructions/nonzero", 1.5, gather))
    for core, most in (("m4", 12_800), ("m0", 25_000)):
        bars.append(Bar("mnist-lenet300, latency", core, "cycles", most, latency(trained, core, "cycles")))
    flash = "mnist-lenet300, flash"
    bars.append(Bar(flash, "m4", "cycles", 128_000, latency(trained, "m4", "cycles", "flash")))
    for figure, most in (("weights_bytes", 5000), ("image_bytes", 8000)):
        bars.append(
            Bar(
                flash,
                "m4",
                figure,
                most,
                lambda figure=figure: float(record(trained(), "m4", "flash", sizes=True)["flash"][figure]),
            )
        )  # type: ignore[misc]
    for name, graph in (("700-120-60-12, 97 % zero", sparse_chain), ("mnist-lenet300, by rows", trained)):
        for core, each, row in (("m4", 2.6, 16), ("m0", 4.6, 45)):
            bars.append(Bar(name, core, "cycles", allowance(graph(), each, row), latency(graph, core, "cycles")))
    return bars


CONV_BASELINE = {
    "LeNet-5": {"m4": 6.83e6, "m3": 13.3e6, "m0": 24.9e6, "m55": 1.146e6, "arena_bytes": 16_408},
    "IMU CNN": {"m4": 3.15e6, "m3": 6.21e6, "m0": 12.7e6, "m55": 409_396, "arena_bytes": 6920},
}
"""What CMSIS-NN takes for the dense networks: cycles (M55: instructions), and bytes of RAM."""


@cache
def convolutional(name: str, densities: float | tuple[float, ...] = 1.0, blocks: bool = False) -> Graph:
    """One of the two convolutional networks with random weights, some of them zero."""
    network = {"LeNet-5": bars.lenet5, "IMU CNN": bars.imu_cnn}[name]
    return bars.integer_network(network, densities, blocks=blocks)


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
    kept = (0.33, 0.02, 0.002, 0.05)
    for name, densities, blocks, most, arena_most in (
        ("LeNet-5", kept, False, CONV_BASELINE["LeNet-5"]["m4"] / 8, 4600),
        ("IMU CNN", 0.1, False, CONV_BASELINE["IMU CNN"]["m4"] / 4.5, 4150),
        ("IMU CNN", 0.1, True, CONV_BASELINE["IMU CNN"]["m4"] / 6, 4150),
        ("IMU CNN", 0.5, False, 1.9e6, 4152),
        ("IMU CNN", 0.35, True, 2.2e6, 4152),
    ):
        text = f"{densities:.0%}" if isinstance(densities, float) else "33, 2, 0.2, 5 %"
        graph = partial(convolutional, name, densities, blocks)
        title = f"{name}, {text} kept{' in blocks' if blocks else ''}"
        found.append(Bar(title, "m4", "cycles", most, latency(graph, "m4", "cycles")))
        found.append(Bar(title, "m4", "arena_bytes", arena_most, arena(graph)))
    return found


DEPTHWISE_BASELINE = {"m4": 9.25e6, "m3": 16.6e6, "m0plus": 41.5e6, "m55": 1.785e6, "arena_bytes": 16_264}
"""What CMSIS-NN takes for the depthwise separable network: cycles (M55: instructions), and bytes of RAM."""


@cache
def depthwise_separable() -> Graph:
    """The depthwise separable network for keyword spotting, with random weights."""
    return bars.integer_network(bars.ds_cnn)


def depthwise_bars() -> list[Bar]:
    """The bars of the depthwise separable network."""
    demands = (("m4", 0.85, "cycles"), ("m3", 0.85, "cycles"), ("m0plus", 0.75, "cycles"), ("m55", 0.6, "instructions"))
    found = [
        Bar("DS-CNN dense", core, unit, part * DEPTHWISE_BASELINE[core], latency(depthwise_separable, core, unit))
        for core, part, unit in demands
    ]
    most = 0.6 * DEPTHWISE_BASELINE["arena_bytes"]
    return [*found, Bar("DS-CNN dense", "m4", "arena_bytes", most, arena(depthwise_separable))]


def arena(graph: Callable[[], Graph]) -> Callable[[], float]:
    """Bytes of the arena on the M4."""
    return lambda: float(record(graph(), "m4", "latency")["ram"]["arena_bytes"])


def large_layers() -> Graph:
    """A fully connected network with a million weights, none of them zero."""
    chain = Builder(np.random.default_rng(0), (1000,), density=1.0, levels=254)
    return chain.linear(900, "uint8").linear(100, "uint8").linear(10).graph()


def compile_seconds(graph: Callable[[], Graph]) -> Callable[[], float]:
    """Seconds of the processor that planning and writing a network for the M4 takes."""

    def measure() -> float:
        network, board = graph(), load_board(BOARDS["m4"])
        with TemporaryDirectory() as work:
            start = process_time()
            compile_network(network, board, Path(work) / "out", objective="latency")
            return process_time() - start

    return measure


def share_of_dense(core: str) -> Callable[[], float]:
    """Cycles of the trained network as a part of those of its own dense code, dead units removed in both."""
    dense = latency_in(trained, core, "dense")
    return lambda: latency(trained, core, "cycles")() / dense()


def latency_in(graph: Callable[[], Graph], core: str, weight_format: str) -> Callable[[], float]:
    """Cycles of a network with all its layers in one weight format."""
    return lambda: float(record(graph(), core, "latency", weight_format)["latency"]["cycles"])


def other_bars() -> list[Bar]:
    """What sparsity alone brings, and how long compiling takes."""
    return [
        *(
            Bar("mnist-lenet300, of its own dense code", core, "of dense", 1.0, share_of_dense(core))
            for core in ("m4", "m0")
        ),
        Bar("compiling LeNet-5", "m4", "seconds", 10, compile_seconds(partial(convolutional, "LeNet-5"))),
        Bar("compiling 1,000,000 weights", "m4", "seconds", 60, compile_seconds(large_layers)),
    ]


def main() -> int:
    """Prints a line for each bar; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--only", default="", help="only bars whose name and core contain this")
    options = parser.parse_args()
    results = []
    for bar in [*linear_bars(), *conv_bars(), *depthwise_bars(), *other_bars()]:
        if options.only not in f"{bar.name} {bar.core}":
            continue
        got = bar.measure()
        results.append(Result(bar.name, bar.core, bar.unit, bar.most, got, got <= bar.most))
        verdict = "pass" if got <= bar.most else "MISS"
        print(f"{verdict}  {bar.name:42} {bar.core:4} {got:12,.2f} of {bar.most:12,.2f} {bar.unit}", flush=True)
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
