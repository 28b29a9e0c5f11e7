"""The networks that every emulated board has to run, or to refuse with the right number of bytes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.golden.networks import NETWORKS
from tests.networks import Builder
from tinybayes import tbn
from tinybayes.ir import Graph
from tinybayes.plan import Plan, make_plan
from tinybayes.plan.formats import FORMATS
from tinybayes.plan.objective import OBJECTIVES, Candidate

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True, eq=False)
class Entry:
    """A network and how it is compiled; with ``format``, every layer that may has that weight format."""

    name: str
    graph: Graph
    objective: str = "flash"
    format: str | None = None

    @contextmanager
    def compiled_as(self) -> Iterator[str]:
        """The objective to compile it with, while it is known."""
        if self.format is None:
            yield self.objective
            return
        name = f"only {self.format}"

        def choose(candidates: Sequence[Candidate]) -> Candidate:
            return min(candidates, key=lambda c: (c.encoding.format != self.format, c.encoding.size_bytes))

        OBJECTIVES[name] = choose
        try:
            yield name
        finally:
            del OBJECTIVES[name]

    def plan(self) -> Plan:
        """Its plan, which is the same for every board."""
        with self.compiled_as() as objective:
            return make_plan(self.graph, objective)


def corpus() -> tuple[Entry, ...]:
    """The shipped examples, the golden networks, every operator in every weight format, and what is too large."""
    examples = [
        Entry(f"{path.stem}, {objective}", tbn.load(path), objective)
        for path in sorted(EXAMPLES.glob("*.tbn"))
        for objective in ("flash", "latency")
    ]
    golden = [Entry(name.replace("_", " "), make()) for name, make in NETWORKS.items()]
    formats = [Entry(f"all operators, {name}", _all_operators(), format=name) for name in FORMATS]
    return (*examples, *golden, *formats, Entry("large map", _large_map()), Entry("large matrix", _large_matrix()))


def _all_operators() -> Graph:
    """Padding, both pools fused and on their own, channels requantized one by one, a selection, two matrices."""
    rng = np.random.default_rng(5)
    network = Builder(rng, (14, 13, 2), levels=9, per_channel=True)
    network = network.conv(6, (3, 3), padding=(1, 1, 1, 1)).max_pool((2, 2))
    network = network.conv(5, (2, 3)).average_pool((2, 2)).max_pool((2, 1), (1, 1)).average_pool((1, 2), (1, 1))
    network = network.flatten()
    keep = np.sort(rng.choice(network.tensor.elements, network.tensor.elements - 3, replace=False))
    return network.select(keep).linear(9, "uint8").linear(4).graph()


def _large_map() -> Graph:
    """Input and tensors fit 16 KB of RAM beside the firmware, but not 8 KB."""
    network = Builder(np.random.default_rng(6), (48, 48, 3), levels=9)
    return network.conv(6, (3, 3)).max_pool((2, 2)).flatten().linear(3).graph()


def _large_matrix() -> Graph:
    """Its weights alone, which are dense, fit 128 KB of flash; the image around them does not."""
    return Builder(np.random.default_rng(7), (320,), density=1.0, levels=250).linear(400).graph()
