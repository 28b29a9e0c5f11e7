"""The networks that every emulated board has to run, or to refuse with the right number of bytes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.emulated import branched_networks, grouped_networks, recurrent_networks, unary_networks
from tests.golden.networks import NETWORKS
from tests.networks import Builder, formats_preferring
from tinybayes import tbn
from tinybayes.ir import Graph
from tinybayes.plan import Plan, make_plan
from tinybayes.plan.formats import FORMATS

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True, eq=False)
class Entry:
    """A network and how it is compiled; with ``format``, every layer that may has that weight format."""

    name: str
    graph: Graph
    objective: str = "flash"
    format: str | None = None

    def formats(self, core: str) -> dict[str, str | None] | None:
        """The weight format of every step where ``format`` is wanted, else None: the objective chooses."""
        return None if self.format is None else formats_preferring(self.format, self.graph, core)

    def plan(self, core: str) -> Plan:
        """Its plan for a core."""
        return make_plan(self.graph, self.objective, core, self.formats(core))


def corpus() -> tuple[Entry, ...]:
    """The shipped examples, the golden networks, every operator in every weight format, and what is too large."""
    examples = [
        Entry(f"{path.stem}, {objective}", tbn.load(path), objective)
        for path in sorted(EXAMPLES.glob("*.tbn"))
        for objective in ("flash", "latency")
    ]
    golden = [Entry(name.replace("_", " "), make()) for name, make in NETWORKS.items()]
    names = sorted({name for _, name in FORMATS})
    formats = [Entry(f"all operators, {name}", _all_operators(), format=name) for name in names]
    for name in ("blocks", "sixteens"):
        formats.append(Entry(f"aligned channels, {name}", _aligned_channels(), format=name))
    formats.append(Entry("long rows, delta", _long_rows(), format="delta"))
    made = (
        *unary_networks.all_of_them(),
        *branched_networks.all_of_them(),
        *grouped_networks.all_of_them(),
        *recurrent_networks.all_of_them(),
    )
    others = [Entry(name, graph, format=format_) for name, graph, format_ in made]
    return (
        *examples,
        *golden,
        *formats,
        *others,
        Entry("large map", _large_map()),
        Entry("large matrix", _large_matrix()),
    )


def _all_operators() -> Graph:
    """Padding, both pools fused and on their own, channels requantized one by one, a selection, two matrices."""
    rng = np.random.default_rng(5)
    network = Builder(rng, (14, 13, 2), levels=9, per_channel=True)
    network = network.conv(6, (3, 3), padding=(1, 1, 1, 1)).max_pool((2, 2))
    network = network.conv(5, (2, 3)).average_pool((2, 2)).max_pool((2, 1), (1, 1)).average_pool((1, 2), (1, 1))
    network = network.flatten()
    keep = np.sort(rng.choice(network.tensor.elements, network.tensor.elements - 3, replace=False))
    return network.select(keep).linear(9, "uint8").linear(4).graph()


def _aligned_channels() -> Graph:
    """Channels in fours, as a convolution in blocks wants them; rows of sixteen weights."""
    network = Builder(np.random.default_rng(8), (9, 10, 4), levels=9).conv(8, (3, 3), padding=(1, 1, 0, 0))
    return network.max_pool((2, 2)).conv(5, (2, 2)).flatten().linear(4).graph()


def _long_rows() -> Graph:
    """Few nonzeros in rows of many tiles, as gaps are smaller for."""
    network = Builder(np.random.default_rng(9), (900,), density=0.02, levels=5).linear(11, "uint8")
    return network.linear(3).graph()


def _large_map() -> Graph:
    """Input and tensors fit 16 KB of RAM beside the firmware, but not 8 KB."""
    network = Builder(np.random.default_rng(6), (48, 48, 3), levels=9)
    return network.conv(6, (3, 3)).max_pool((2, 2)).flatten().linear(3).graph()


def _large_matrix() -> Graph:
    """Its weights alone, which are dense, fit 128 KB of flash; the image around them does not."""
    return Builder(np.random.default_rng(7), (320,), density=1.0, levels=250).linear(400).graph()
