"""Fits the cost formulas of fully connected layers on modelled cycles, and writes plan/coefficients_linear.py.

Run: .venv/bin/python scripts/fit_linear_cost.py [--check] [FORMAT...]   (some ten minutes; prints the worst errors)

Every class of cores has a board that stands for it. Chains of layers of random shapes and densities are compiled in one
format at a time, and the cycles of each layer at zero wait states, as the core's model has them, are what the formula
is fitted to. Where formats are named, the coefficients of the others stay. With --check other chains are measured
against what the coefficients predict, and nothing is written.
"""

import argparse
import sys
from collections.abc import Iterator
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
from tinybayes.plan.coefficients_linear import LINEAR_COEFFICIENTS
from tinybayes.plan.core_class import CORE_CLASSES, CoreClass
from tinybayes.plan.cost_linear import LINEAR_TERMS, LinearLayer
from tinybayes.plan.steps import Step, lower

TARGET = Path(__file__).parents[1] / "tinybayes" / "plan" / "coefficients_linear.py"
FITTED, CHECKED = range(9), range(100, 103)
LAYERS = 5


def random_chain(seed: int) -> Graph:
    """Layers of random shapes and densities, with one multiplier a layer or one a row, few levels or many.

    In every third chain each other layer has long rows of few nonzeros.
    """
    rng = np.random.default_rng(seed)
    is_wide = seed % 3 == 2
    inputs = int(rng.integers(20, 50 if is_wide else 700))
    chain = Builder(rng, (inputs,), levels=(4, 9, 20)[seed % 3], per_channel=seed % 2 == 1)
    for number in range(LAYERS):
        chain.density = float(rng.choice((0.03, 0.08, 0.2, 0.5)))
        if is_wide:
            chain.density = (0.01, 0.03)[number // 2 % 2]
            chain.linear(int(rng.integers(300, 800)) if number % 2 == 0 else int(rng.integers(8, 40)), "int8")
            continue
        is_signed = (number + seed) % 2 or number == LAYERS - 1
        chain.linear(int(10 ** rng.uniform(0.7, 2.1)), "int8" if is_signed else "uint8")
    return chain.graph()


def select_network(inputs: int, share: float) -> Graph:
    """A selection of inputs, and a layer that reads it."""
    rng = np.random.default_rng(0)
    return Builder(rng, (inputs,), density=0.1).select(np.flatnonzero(rng.random(inputs) < share)).linear(4).graph()


def cycles(graph: Graph, core: CoreClass, formats: dict[str, str | None]) -> dict[str, int]:
    """Cycles of every step by name."""
    with TemporaryDirectory() as work:
        board = load_board(BOARDS[core])
        deployment = compile_network(graph, board, Path(work) / "out", protocol="none", formats=formats)
        deployment.measure_latency()
        return {layer["name"]: layer["cycles"] for layer in deployment.record["layers"]}


def encoded(step: Step, weight_format: str, core: CoreClass) -> Step:
    """The step in the wanted format where it is legal, else in another."""
    legal = {made.format: made for made in candidates.encoded_steps(step, core, "x")}
    return legal.get(weight_format) or legal.get("dense") or next(iter(legal.values()))


def measured(core: CoreClass, weight_format: str, seeds: range) -> Iterator[tuple[tuple[int, ...], int]]:
    """Terms and cycles of every layer that can be stored so."""
    for seed in seeds:
        graph = random_chain(seed)
        steps = [encoded(step, weight_format, core) for step in lower(graph)]
        if not any(step.format == weight_format for step in steps):
            continue
        counts = cycles(graph, core, {step.name: step.format for step in steps})
        for step in steps:
            if step.format == weight_format and isinstance(step.node, MacNode) and step.encoding is not None:
                layer = LinearLayer(step.node, step.encoding, step.source.tensor)
                yield LINEAR_TERMS["linear", weight_format](layer), counts[step.name]


def fit_select(core: CoreClass) -> Fitted:
    """Cycles of an element that is kept and of a run of them."""
    found: Samples = []
    for inputs, share in ((784, 0.6), (400, 0.1), (300, 0.9), (120, 0.4)):
        graph = select_network(inputs, share)
        runs = lower(graph)[0].encoding.array("runs").values  # type: ignore[union-attr]
        formats: dict[str, str | None] = {graph.nodes[0].name: None, graph.nodes[-1].name: "dense"}
        counts = cycles(graph, core, formats)
        found.append(((int(runs[1::2].sum()), runs.size // 2), counts[graph.nodes[0].name]))
    return fit(found)


def check(formats: list[str]) -> None:
    """Prints how far predictions are off on chains that nothing was fitted to."""
    for core in CORE_CLASSES:
        for key, coefficients in LINEAR_COEFFICIENTS[core].items():
            if formats and key[1] not in formats:
                continue
            found = list(measured(core, key[1], CHECKED))
            errors = [np.dot(coefficients, terms) / count - 1 for terms, count in found]
            if errors:
                print(f"{core:7} {key[1]:11} {len(errors):3} layers, worst {max(errors, key=abs):+.1%}", flush=True)


def main() -> None:
    """Writes the coefficients of all kernels, or checks them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="measure other layers; write nothing")
    parser.add_argument(
        "formats", nargs="*", metavar="FORMAT", help="only these formats, and selections (default: all)"
    )
    options = parser.parse_args()
    if options.check:
        check(options.formats)
        return
    text = TARGET.read_text(encoding="utf-8")
    candidates.estimate_linear_cycles = lambda _layer, _core: 0  # what is fitted does not choose
    fitted: dict[CoreClass, dict[tuple[str, str], Fitted]] = {core: {} for core in CORE_CLASSES}
    for core, table in fitted.items():
        for op, weight_format in LINEAR_TERMS:
            kept = LINEAR_COEFFICIENTS[core].get((op, weight_format))
            if options.formats and weight_format not in options.formats:
                if kept is not None:
                    table[op, weight_format] = kept, worst_of(text, "LINEAR_COEFFICIENTS", core, weight_format) or 0.0
                continue
            found = list(measured(core, weight_format, FITTED))
            if found:
                table[op, weight_format] = fit(found)
                print(core, weight_format, *table[op, weight_format], len(found), "layers", flush=True)
    selects = {core: {"select": fit_select(core)} for core in CORE_CLASSES}
    write_coefficients(TARGET, LINEAR_COEFFICIENTS=fitted, SELECT_COEFFICIENTS=selects)


if __name__ == "__main__":
    main()
