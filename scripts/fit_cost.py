"""Fits the cost formulas of tinybayes/plan/cost.py on modelled cycles, and writes tinybayes/plan/coefficients.py.

Run: .venv/bin/python scripts/fit_cost.py      (some minutes; prints the worst error of each formula)

Every class of cores has a board that stands for it. Networks of several layers are compiled in one format at a time,
and the cycles of each layer at zero wait states, as the core's model has them, are what the formula is fitted to.
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
from tinybayes.plan.candidates import encoded_steps
from tinybayes.plan.core_class import CORE_CLASSES, CoreClass
from tinybayes.plan.cost import TERMS, mac_shape
from tinybayes.plan.steps import Step, lower

BOARDS: dict[CoreClass, str] = {
    "armv6m": "microbit",
    "armv7m": "mps2-an385",
    "dsp": "mps2-an386",
    "mve": "mps3-an547",
}
TARGET = Path(__file__).parents[1] / "tinybayes" / "plan" / "coefficients.py"
Measured = list[tuple[tuple[int, ...], int]]


def linear_network(density: float, *sizes: int) -> Graph:
    """Fully connected layers, each reading the one before."""
    chain = Builder(np.random.default_rng(0), (sizes[0],), density=density, levels=15)
    for outputs in sizes[1:-1]:
        chain.linear(outputs, "uint8")
    return chain.linear(sizes[-1]).graph()


def select_network(inputs: int, share: float) -> Graph:
    """A selection of inputs, and a layer that reads it."""
    rng = np.random.default_rng(0)
    return Builder(rng, (inputs,), density=0.1).select(np.flatnonzero(rng.random(inputs) < share)).linear(4).graph()


GRAPHS = {
    "linear": (
        linear_network(0.05, 300, 100, 64, 20, 10),
        linear_network(0.3, 256, 64, 30, 8),
        linear_network(0.1, 700, 50, 120, 12),
    ),
}


def compiled(graph: Graph, core: CoreClass, formats: dict[str, str | None]) -> dict[str, int]:
    """Cycles of every step by name."""
    with TemporaryDirectory() as work:
        board = load_board(BOARDS[core])
        deployment = compile_network(graph, board, Path(work) / "out", protocol="none", formats=formats)
        deployment.measure_latency()
        return {layer["name"]: layer["cycles"] for layer in deployment.record["layers"]}


def in_format(step: Step, weight_format: str, core: CoreClass) -> str | None:
    """The format for a step: the wanted one where it is legal, None for a step without weights."""
    if not isinstance(step.node, MacNode):
        return None
    legal = [encoded.format for encoded in encoded_steps(step, core)]
    return weight_format if weight_format in legal else "dense"


def measured(core: CoreClass, op: str, weight_format: str) -> Measured:
    """Terms and cycles of every layer that can be stored so."""
    found: Measured = []
    for graph in GRAPHS[op]:
        steps = lower(graph)
        formats = {step.name: in_format(step, weight_format, core) for step in steps}
        if weight_format not in formats.values():
            continue
        counts = compiled(graph, core, formats)
        for step in steps:
            if formats[step.name] == weight_format and isinstance(step.node, MacNode):
                terms = TERMS[op, weight_format](mac_shape(step.node))
                found.append((terms, counts[step.name]))
    return found


def fit(found: Measured) -> tuple[tuple[float, ...], float]:
    """Coefficients that make the relative errors least, and the worst of these."""
    matrix, target = np.array([terms for terms, _ in found], float), np.array([count for _, count in found], float)
    coefficients, _ = nnls(matrix / target[:, None], np.ones(len(target)))
    worst = float(np.abs(matrix @ coefficients / target - 1).max())
    return tuple(round(float(c), 2) for c in coefficients), worst


def fit_select(core: CoreClass) -> tuple[float, ...]:
    """Cycles of an element that is kept and of a run of them."""
    found: Measured = []
    for inputs, share in ((784, 0.6), (400, 0.1), (300, 0.9)):
        graph = select_network(inputs, share)
        runs = lower(graph)[0].encoding.array("runs").values  # type: ignore[union-attr]
        formats: dict[str, str | None] = {node.name: None for node in graph.nodes[:-1]}
        counts = compiled(graph, core, formats | {graph.nodes[-1].name: "dense"})
        found.append(((int(runs[1::2].sum()), runs.size // 2), counts[graph.nodes[0].name]))
    return fit(found)[0]


def main() -> None:
    """Writes the coefficients of all kernels."""
    lines = [
        '"""Coefficients of the cost formulas, by class of core: data that ``scripts/fit_cost.py`` fits and writes.',
        "",
        "Cycles at zero wait states, as the models of Cortex-M0, M3, M4 and M55 have them.",
        '"""',
        "",
        "from tinybayes.plan.core_class import CoreClass",
        "",
        "Coefficients = dict[tuple[str, str], tuple[float, ...]]",
        "",
        "COEFFICIENTS: dict[CoreClass, Coefficients] = {",
    ]
    selects = []
    for core in CORE_CLASSES:
        lines.append(f'    "{core}": {{')
        for op, weight_format in TERMS:
            found = measured(core, op, weight_format)
            if found:
                coefficients, worst = fit(found)
                text = ", ".join(f"{c:.2f}" for c in coefficients)
                lines.append(f'        ("{op}", "{weight_format}"): ({text}),  # within {worst:.1%}')
                print(core, lines[-1].strip(), flush=True)
        lines.append("    },")
        selects.append(f'    "{core}": ({", ".join(f"{c:.2f}" for c in fit_select(core))}),')
    lines += ["}", "", "SELECT_COEFFICIENTS: dict[CoreClass, tuple[float, float]] = {", *selects, "}"]
    lines.append('"""Of dropping inputs that no weight reads: for each one that is kept, and for each run of them."""')
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
