"""Fits the cost formulas of convolutions in tinybayes/plan/coefficients.py on cycles of every class of cores.

Run: .venv/bin/python scripts/fit_conv_cost.py [CLASS...]      (about a minute a class; prints what belongs there)
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.optimize import nnls

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.networks import Builder
from tinybayes.boards import load_board
from tinybayes.ir import Graph, MacNode
from tinybayes.pipeline import compile_network
from tinybayes.plan import candidates
from tinybayes.plan.core_class import CORE_CLASSES
from tinybayes.plan.cost import TERMS, mac_shape
from tinybayes.plan.formats import FORMATS, Encode, Encoding, Illegal, Site
from tinybayes.plan.steps import lower
from tinybayes.plan.walk import walk_of

BOARDS = {"armv6m": "microbit", "armv7m": "mps2-an385", "dsp": "mps2-an386", "mve": "mps3-an547"}


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


def plane(densities: tuple[float, ...]) -> Graph:
    """Convolutions over an image, one with a stride."""
    chain = Builder(np.random.default_rng(1), (27, 27, 4), levels=15, per_channel=True)
    for density, outputs, kernel in zip(densities, (12, 24, 40), (3, 5, 3), strict=True):
        chain.density = density
        chain.conv(outputs, (kernel, kernel), (2, 2) if outputs == 40 else (1, 1))
        if outputs == 12:
            chain.max_pool((2, 2))
    return chain.flatten().linear(3).graph()


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


def cycles(graph: Graph, weight_format: str, board: str) -> list[tuple[str, int]]:
    """Cycles of the convolutions of ``graph`` that can have the format."""
    candidates.FORMATS = only(weight_format)
    with TemporaryDirectory() as work:
        deployment = compile_network(graph, load_board(board), Path(work) / "out", protocol="none", objective="flash")
        deployment.measure_latency()
        layers = deployment.record["layers"]
    return [(layer["name"], layer["cycles"]) for layer in layers if layer["format"] == weight_format]


def main() -> None:
    """Prints coefficients for each format of each class of cores."""
    chosen = sys.argv[1:] or CORE_CLASSES
    graphs = [series((0.5, 0.2, 0.05, 0.1)), series((0.05, 0.5, 0.3, 0.02)), plane((0.4, 0.1, 0.02))]
    graphs += [inertial(0.1), inertial(0.3)]
    for core in chosen:
        print(f'    "{core}": {{')
        for (op, weight_format), terms in TERMS.items():
            if op != "conv":
                continue
            rows, counts = [], []
            for graph in graphs:
                steps = {step.name: step for step in lower(graph)}
                for name, measured in cycles(graph, weight_format, BOARDS[core]):
                    node = steps[name].node
                    if isinstance(node, MacNode) and node.op == op:
                        rows.append(terms(mac_shape(node, steps[name].positions, walk_of(steps[name]))))
                        counts.append(measured)
            matrix, target = np.array(rows, float), np.array(counts, float)
            coefficients, _ = nnls(matrix / target[:, None], np.ones(len(target)))
            worst = np.abs(matrix @ coefficients / target - 1).max()
            numbers = ", ".join(f"{c:.2f}" for c in coefficients)
            print(f'        ("{op}", "{weight_format}"): ({numbers}),  # within {worst:.1%}', flush=True)
        print("    },")


if __name__ == "__main__":
    main()
