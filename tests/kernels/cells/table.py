"""Cells of the table: a weight format of an operator, a class of cores and a shape, or why there is none."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from unittest import mock

from tests.kernels.cells.shapes import SHAPES
from tinybayes.ir import Graph, MacNode
from tinybayes.plan import Plan, make_plan
from tinybayes.plan.core_class import CoreClass, core_class
from tinybayes.plan.formats import FORMATS, Illegal, Site, delta
from tinybayes.plan.steps import lower

CORES = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m33", "cortex-m55")
"""One core of each instruction set: Armv6-M, Armv7-M, Armv7E-M, Armv8-M with DSP, Armv8.1-M with MVE."""
ONLY_ON: Mapping[str, tuple[CoreClass, ...]] = {
    "gather": ("mve",),
    "blocks1x16": ("mve",),
    "sixteens": ("mve",),
    "blocks1x4": ("dsp", "mve"),
    "planes": ("armv6m", "armv7m", "dsp"),
}
"""Classes of cores that a weight format is for; all others are for all."""
LARGE = frozenset({"65,537 nonzeros"})
_NOTHING = "there is no nonzero, and C has no empty arrays"
_NO_BLOCK = "there is no block, and C has no empty arrays"
_FULL_TILE = "a tile has more than 255 blocks"
_LESS_THAN_A_BLOCK = "less than a block"
REFUSED: Mapping[tuple[str, str, str], str] = {
    **{("linear", name, "all zero"): _NOTHING for name in ("index", "gather", "delta", "grouped")},
    **{("conv", name, "all zero"): _NOTHING for name in ("index", "pairs", "blocks", "sixteens")},
    **{(op, "huffman", "all zero"): "there is no nonzero to begin with" for op in ("linear", "conv")},
    ("linear", "blocks4x1", "all zero"): _NO_BLOCK,
    ("linear", "blocks4x1", "256 full columns"): _FULL_TILE,
    ("linear", "blocks4x1", "257 full columns"): _FULL_TILE,
    **{("linear", "blocks1x4", shape): _NO_BLOCK for shape in ("1x1", "one column", "two rows of three", "all zero")},
    **{
        ("linear", "blocks1x16", shape): _LESS_THAN_A_BLOCK
        for shape in ("1x1", "one column", "two rows of three", "all zero")
    },
    ("linear", "gather", "256 full columns"): "a tile has more than 255 nonzeros",
    ("linear", "gather", "257 full columns"): "a tile has more than 255 nonzeros",
    ("linear", "grouped", "254 levels"): "more than 32 do not pay",
    ("linear", "huffman", "254 levels"): "a table has room for 32",
    ("conv", "huffman", "254 levels"): "a table has room for 32",
    ("conv", "index", "256 full columns"): "a tile of 256 columns has no zero",
}
"""By operator, format and shape: why the format cannot store the shape, on any core."""


@dataclass(frozen=True)
class Cell:
    """A layer of one shape in one weight format on one core."""

    op: str
    weight_format: str
    core: str
    shape: str

    @property
    def graph(self) -> Graph:
        """The network of that layer."""
        return SHAPES[self.op][self.shape](self.weight_format)

    @property
    def large(self) -> bool:
        """Whether it wants more memory than the smallest boards have."""
        return self.shape in LARGE

    def plan(self) -> Plan:
        """The plan with the cell's format; raises InternalError where the format is illegal."""
        only = {self._key: FORMATS[self._key]}
        with mock.patch.dict(FORMATS, only, clear=True), _only_gaps(self.weight_format):
            plan = make_plan(self.graph, "flash", self.core)
        assert [step.format for step in plan.steps if step.format] == [self.weight_format]
        return plan

    def refusal(self) -> str:
        """Why the format cannot store the layer; empty where it can."""
        step = next(step for step in lower(self.graph) if step.op == self.op)
        assert isinstance(step.node, MacNode)
        site = Site(core_class(self.core), step.source.tensor.code_range, step.field(self.graph.input))
        with _only_gaps(self.weight_format):
            encoding = FORMATS[self._key](step.node, site)
        return encoding.reason if isinstance(encoding, Illegal) else ""

    @property
    def _key(self) -> tuple[str, str]:
        return self.op, self.weight_format


def _only_gaps(weight_format: str) -> AbstractContextManager[object]:
    """Gaps refuse what the index stream stores as small; their kernel must be right there too."""
    if weight_format != delta.NAME:
        return nullcontext()
    return mock.patch.object(delta.index, "encode_linear", return_value=Illegal("index", "only gaps are tried"))


BEYOND_FLASH = (Cell("linear", "straight", "cortex-m55", "65,537 nonzeros"),)
"""Cells whose code is larger than the flash of every board of their core."""


def batches() -> list[tuple[str, str, str]]:
    """Operator, weight format and core, of all that there are kernels for."""
    return [
        (op, name, core)
        for op, name in FORMATS
        for core in CORES
        if core_class(core) in ONLY_ON.get(name, (core_class(core),))
    ]


def cells_of(op: str, weight_format: str, core: str) -> list[Cell]:
    """The cells of a batch, in the order of the shapes."""
    return [Cell(op, weight_format, core, shape) for shape in SHAPES[op] if (op, weight_format, shape) not in REFUSED]
