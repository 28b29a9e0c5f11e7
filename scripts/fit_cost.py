"""Fits the cost formulas of tinybayes/plan/cost.py on instruction counts from the emulated Cortex-M4.

Run: .venv/bin/python scripts/fit_cost.py      (about two minutes; prints terms, coefficients and the worst error)
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
from tinybayes.plan.cost import TERMS, mac_shape
from tinybayes.plan.formats import FORMATS

_LINEAR = ((64, 0.05, 20), (300, 0.02, 100), (300, 0.1, 30), (700, 0.05, 50), (256, 0.3, 64), (500, 0.1, 10))
_CONV = ((32, 6, 5, 0.1, 32), (16, 32, 5, 0.1, 40), (64, 8, 3, 0.3, 16), (24, 16, 3, 0.05, 64), (8, 4, 7, 0.5, 20))


def linear_network(inputs: int, density: float, outputs: int) -> Graph:
    """One linear layer."""
    return Builder(np.random.default_rng(0), (inputs,), density=density, levels=15).linear(outputs, "int8").graph()


def conv_network(time: int, channels: int, kernel: int, density: float, outputs: int) -> Graph:
    """One convolution with a pooling behind it."""
    chain = Builder(np.random.default_rng(0), (time, channels), density=density, levels=15)
    return chain.conv(outputs, (1, kernel), dtype="int8").max_pool((1, 2)).graph()


def count(graph: Graph, weight_format: str) -> int:
    """Instructions of the network's only layer with weights, in one format."""
    candidates.FORMATS = {key: encode for key, encode in FORMATS.items() if key[1] == weight_format}
    with TemporaryDirectory() as work:
        deployment = compile_network(graph, load_board("mps2-an386"), Path(work) / "out", protocol="none")
        deployment.measure_latency()
        return next(layer["instructions"] for layer in deployment.record["layers"] if layer["format"] == weight_format)


def main() -> None:
    """Prints coefficients for each kernel."""
    graphs = {"linear": [linear_network(*shape) for shape in _LINEAR], "conv": [conv_network(*s) for s in _CONV]}
    for (op, weight_format), terms in TERMS.items():
        rows, counts = [], []
        for graph in graphs[op]:
            node = next(node for node in graph.nodes if isinstance(node, MacNode))
            height, width, _ = graph.output_tensor.hwc
            positions = height * width * 2 if op == "conv" else 1
            rows.append(terms(mac_shape(node, positions)))
            counts.append(count(graph, weight_format))
        matrix, target = np.array(rows, float), np.array(counts, float)
        coefficients, _ = nnls(matrix / target[:, None], np.ones(len(target)))
        worst = np.abs(matrix @ coefficients / target - 1).max()
        print(
            f'    ("{op}", "{weight_format}"): ({", ".join(f"{c:.2f}" for c in coefficients)}),  # within {worst:.1%}'
        )


if __name__ == "__main__":
    main()
