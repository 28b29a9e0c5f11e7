"""Fits the cost formulas of convolutions on cycles of every class of cores, and writes the coefficients.

Run: .venv/bin/python scripts/fit_conv_cost.py [FORMAT...]  (ten minutes; prints how far formulas are from measurements)

They go to tinybayes/plan/coefficients_conv.py; where formats are named, the others stay. Margins are taken from
what scripts/fit_unary_cost.py fitted before.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.cost_fitting import BOARDS, Fitted, Samples, fit, worst_of, write_coefficients
from tests.networks import Builder
from tinybayes.boards import load_board
from tinybayes.ir import Graph, MacNode
from tinybayes.pipeline import compile_network
from tinybayes.plan import candidates
from tinybayes.plan.coefficients_conv import CONV_COEFFICIENTS
from tinybayes.plan.core_class import CORE_CLASSES, CoreClass
from tinybayes.plan.cost_conv import CONV_TERMS, conv_shape
from tinybayes.plan.cost_unary import estimate_margin_cycles
from tinybayes.plan.formats import FORMATS, Encode, Encoding, Illegal, Site

TARGET = Path(__file__).parents[1] / "tinybayes" / "plan" / "coefficients_conv.py"


def series(densities: tuple[float, ...]) -> Graph:
    """Convolutions over time, with pooling, without, and with a mean behind them."""
    chain = Builder(np.random.default_rng(0), (66, 8), levels=15, per_channel=True)
    for density, outputs, kernel in zip(densities, (16, 32, 48, 24), (5, 3, 5, 3), strict=True):
        chain.density = density
        chain.conv(outputs, (1, kernel), padding=(0, 0, kernel // 2, kernel // 2))
        if outputs == 16:
            chain.max_pool((1, 2))
    return chain.average_pool((1, chain.tensor.hwc[1])).flatten().linear(3).graph()


def inertial(density: float) -> Graph:
    """Convolutions over time that grow wider: the shape of networks for inertial sensors."""
    chain = Builder(np.random.default_rng(2), (128, 6), density=density, levels=100, per_channel=True)
    chain.conv(32, (1, 5), padding=(0, 0, 2, 2)).max_pool((1, 2)).conv(40, (1, 5), padding=(0, 0, 2, 2)).max_pool(
        (1, 2)
    )
    chain.conv(48, (1, 3), padding=(0, 0, 1, 1))
    return chain.average_pool((1, 32)).flatten().linear(3).graph()


def plane(densities: tuple[float, ...], outputs: tuple[int, ...], padding: int) -> Graph:
    """Convolutions over an image, one with a stride."""
    chain = Builder(np.random.default_rng(1), (27, 27, 4), levels=15, per_channel=True)
    for number, (density, channels, kernel) in enumerate(zip(densities, outputs, (3, 5, 3), strict=True)):
        chain.density = density
        chain.conv(channels, (kernel, kernel), (2, 2) if number == 2 else (1, 1), (padding,) * 4)
        if number == 0:
            chain.max_pool((2, 2))
    return chain.flatten().linear(3).graph()


def image(channels: int, outputs: tuple[int, int], kernels: tuple[int, int], padding: int) -> Graph:
    """Two convolutions with pooling over an image of few channels."""
    chain = Builder(np.random.default_rng(channels), (28, 28, channels), density=0.3, levels=15, per_channel=True)
    for number, kernel in zip(outputs, kernels, strict=True):
        chain.conv(number, (kernel, kernel), padding=(padding,) * 4).max_pool((2, 2))
    return chain.flatten().linear(3).graph()


def depthwise(channels: int) -> Graph:
    """One channel for each output, or two outputs, with kernels of several sizes, a stride and positions apart."""
    chain = Builder(np.random.default_rng(3), (13, 11, 4), density=1.0, levels=60, per_channel=True)
    chain.conv(channels, (1, 1)).grouped(channels, (3, 3), channels, padding=(1, 1, 1, 1))
    chain.grouped(channels, (1, 5), channels, padding=(0, 0, 2, 2)).grouped(channels, (2, 2), channels, (2, 1))
    chain.grouped(channels, (3, 3), channels, stride=(2, 2)).grouped(2 * channels, (2, 2), channels)
    return chain.flatten().linear(3).graph()


def one_by_one(channels: int) -> Graph:
    """One output for each channel of maps of several shapes, with kernels of several sizes and a stride."""
    chain = Builder(np.random.default_rng(4), (25, 5, 4), density=1.0, levels=60, per_channel=True)
    chain.conv(channels, (1, 1)).grouped(channels, (3, 3), channels, padding=(1, 1, 1, 1))
    chain.grouped(channels, (3, 3), channels, padding=(1, 1, 1, 1), dtype="int8")
    chain.grouped(channels, (5, 5), channels, padding=(2, 2, 2, 2))
    chain.grouped(channels, (3, 3), channels, stride=(2, 1), padding=(1, 1, 1, 1)).grouped(channels, (1, 5), channels)
    return chain.flatten().linear(3).graph()


def in_time(channels: int) -> Graph:
    """One output for each channel of a series."""
    chain = Builder(np.random.default_rng(5), (40, 4), density=1.0, levels=60, per_channel=True).conv(channels, (1, 1))
    chain.grouped(channels, (1, 5), channels, padding=(0, 0, 2, 2)).grouped(channels, (1, 3), channels)
    chain.grouped(channels, (1, 4), channels, stride=(1, 2))
    return chain.flatten().linear(3).graph()


DEPTHWISE_GRAPHS = depthwise(16), depthwise(39), depthwise(48)
SPECIAL_GRAPHS = {
    "depthwise": DEPTHWISE_GRAPHS,
    "planes": (depthwise(16), one_by_one(12), one_by_one(33), in_time(20)),
}
"""What formats are fitted to that few layers can have."""
GRAPHS = (
    series((0.5, 0.2, 0.05, 0.1)),
    series((0.05, 0.5, 0.3, 0.02)),
    plane((0.4, 0.1, 0.02), (12, 24, 40), 0),
    plane((0.2, 0.3, 0.1), (9, 14, 15), 1),
    inertial(0.1),
    inertial(0.3),
    image(1, (20, 50), (5, 5), 0),
    image(1, (8, 16), (3, 3), 1),
    image(2, (9, 16), (3, 4), 0),
    image(3, (7, 12), (3, 5), 1),
)


def only(weight_format: str) -> dict[tuple[str, str], Encode]:
    """The table of formats with one for convolutions, and dense weights where a layer cannot have it."""
    wanted, dense = FORMATS["conv", weight_format], FORMATS["conv", "dense"]

    def instead(node: MacNode, site: Site) -> Encoding | Illegal:
        legal = not isinstance(wanted(node, site), Illegal)
        return Illegal("dense", "the other format is wanted") if legal else dense(node, site)

    linear = {key: encode for key, encode in FORMATS.items() if key[0] == "linear"}
    if weight_format == "dense":
        return linear | {("conv", "dense"): dense}
    return linear | {("conv", "dense"): instead, ("conv", weight_format): wanted}


def measured(graph: Graph, weight_format: str, core: CoreClass) -> Samples:
    """Terms of the convolutions of ``graph`` that can have the format, and their cycles without those of margins."""
    candidates.FORMATS = only(weight_format)
    with TemporaryDirectory() as work:
        board = load_board(BOARDS[core])
        deployment = compile_network(graph, board, Path(work) / "out", protocol="none", objective="flash")
        deployment.measure_latency()
        cycles = {layer["name"]: layer["cycles"] for layer in deployment.record["layers"]}
    terms = CONV_TERMS["conv", weight_format]
    return [
        (terms(conv_shape(step)), cycles[step.name] - estimate_margin_cycles(step.target, core))
        for step in deployment.plan.steps
        if step.op == "conv" and step.format == weight_format
    ]


def main() -> None:
    """Writes the coefficients of each format, or of those that are named, on each class of cores."""
    wanted = sys.argv[1:]
    text = TARGET.read_text(encoding="utf-8")
    candidates.estimate_conv_cycles = lambda _step, _format, _core: 0  # what is fitted does not choose
    fitted: dict[CoreClass, dict[tuple[str, str], Fitted]] = {}
    for core in CORE_CLASSES:
        fitted[core] = {}
        for op, weight_format in CONV_TERMS:
            kept = CONV_COEFFICIENTS[core].get((op, weight_format))
            if wanted and weight_format not in wanted:
                if kept is not None:
                    fitted[core][op, weight_format] = (
                        kept,
                        worst_of(text, "CONV_COEFFICIENTS", core, weight_format) or 0.0,
                    )
                continue
            graphs = SPECIAL_GRAPHS.get(weight_format, GRAPHS)
            samples = [sample for graph in graphs for sample in measured(graph, weight_format, core)]
            if not samples:
                continue  # the class of cores does not have the format
            fitted[core][op, weight_format] = fit(samples)
            print(core, weight_format, *fitted[core][op, weight_format], flush=True)
    write_coefficients(TARGET, CONV_COEFFICIENTS=fitted)


if __name__ == "__main__":
    main()
