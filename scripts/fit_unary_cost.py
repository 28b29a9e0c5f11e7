"""Fits the costs of operators without weights, and writes them to tinybayes/plan/coefficients_unary.py.

Run: .venv/bin/python scripts/fit_unary_cost.py      (a minute; says how far the formulas are from what was measured)
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.cost_fitting import BOARDS, Samples, fit, write_coefficients
from scripts.fit_conv_cost import only
from tests.networks import Builder
from tinybayes.boards import load_board
from tinybayes.ir import AveragePoolSpans, Graph, MaxPoolSpans
from tinybayes.pipeline import compile_network
from tinybayes.plan import candidates
from tinybayes.plan.core_class import CORE_CLASSES, CoreClass
from tinybayes.plan.cost_unary import UNARY_TERMS

TARGET = Path(__file__).parents[1] / "tinybayes" / "plan" / "coefficients_unary.py"


def maps(height: int, width: int, channels: int, window: tuple[int, int]) -> Graph:
    """Every operator that works on a map, behind and before convolutions that need margins."""
    rng = np.random.default_rng(height)
    chain = Builder(rng, (height, width, channels), density=0.1, per_channel=True)
    chain.conv(channels, (3, 3), padding=(1, 1, 1, 1)).max_pool(window, (1, 2)).requantize("int8")
    chain.average_pool(window[::-1], (2, 1)).pointwise("uint8").conv(channels + 2, (1, 3), dtype="int8")
    chain.requantize("int8").softmax("uint8").spans(MaxPoolSpans, height // 3, 5)
    chain.spans(AveragePoolSpans, height // 4, width // 4)
    return chain.softmax("int8").argmax().graph()


def joins(height: int, width: int, channels: int) -> Graph:
    """Operators on several tensors, and those that move elements or have constants for each channel."""
    made = Builder(np.random.default_rng(height), (height, width, channels)).conv(channels, (1, 1), dtype="int8")
    made.pointwise().add("t0", "uint8").multiply("t1").affine("uint8").concat(("t0", "t1"), 2)
    ends = [made.average_pool((height, width)).current]
    for axis, window in ((1, (height, 2 * width)), (0, (2 * height, width))):
        ends.append(made.back_to("t0").concat(("t1",), axis).average_pool(window).current)
    made.back_to("t0").rearrange(
        (width, height, channels), 0, (width, height, channels), (channels, width * channels, 1)
    )
    made.average_pool((width, height)).concat(tuple(ends), 2)
    return made.flatten().linear(2).graph()


GRAPHS = (
    maps(18, 16, 4, (3, 3)),
    maps(15, 21, 11, (2, 3)),
    maps(22, 17, 6, (4, 4)),
    maps(30, 19, 3, (2, 4)),
    maps(12, 23, 9, (5, 3)),
    joins(6, 7, 3),
    joins(9, 5, 8),
    joins(5, 12, 16),
)


def measured(core: CoreClass) -> dict[str, Samples]:
    """Terms and cycles of every operator without weights, by its name."""
    found: dict[str, Samples] = {op: [] for op in UNARY_TERMS}
    candidates.FORMATS = only("pairs")  # which need margins
    for graph in GRAPHS:
        with TemporaryDirectory() as work:
            deployment = compile_network(graph, load_board(BOARDS[core]), Path(work) / "out", protocol="none")
            deployment.measure_latency()
            cycles = {layer["name"]: layer["cycles"] for layer in deployment.record["layers"]}
        for step in deployment.plan.steps:
            if step.op in found and (step.op == "pad" or not step.target.has_margins):
                found[step.op].append((UNARY_TERMS[step.op](step), cycles[step.name]))
    return found


def main() -> None:
    """Writes the coefficients of every operator on every class of cores."""
    fitted = {core: {op: fit(samples) for op, samples in measured(core).items()} for core in CORE_CLASSES}
    write_coefficients(TARGET, UNARY_COEFFICIENTS=fitted)


if __name__ == "__main__":
    main()
