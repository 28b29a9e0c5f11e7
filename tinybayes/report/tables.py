"""The tables of the report: the figures behind the pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

from tinybayes.report.bars import KIND_TITLES
from tinybayes.report.facts import KINDS, Facts, Layer
from tinybayes.report.numerals import grouped, times

_NONE = "–"


@dataclass(frozen=True)
class Table:
    """A table: the first ``words`` columns hold words, the others numbers; the last row is a sum where ``total``."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int
    total: bool = False


def flash_table(facts: Facts) -> Table:
    """Bytes of each layer by kind."""
    kinds = [kind for kind in KINDS if any(layer.bytes_by_kind.get(kind) for layer in facts.layers)]
    headings = ("#", "layer", "operator", "format", *(KIND_TITLES[kind] for kind in kinds), "constants", "own code")
    rows = [
        (
            str(number),
            _title(layer),
            layer.op,
            layer.format or _NONE,
            *(grouped(layer.bytes_by_kind.get(kind, 0)) for kind in kinds),
            grouped(layer.weights_bytes),
            _known(layer.code_bytes),
        )
        for number, layer in enumerate(facts.layers)
    ]
    sums = [sum(layer.bytes_by_kind.get(kind, 0) for layer in facts.layers) for kind in kinds]
    code = [layer.code_bytes for layer in facts.layers if layer.code_bytes is not None]
    own = grouped(sum(code)) if code else _NONE
    rows.append(("", "all layers", "", "", *(grouped(n) for n in sums), grouped(facts.weights_bytes), own))
    return Table(headings, tuple(rows), 4, total=True)


def arena_table(facts: Facts) -> Table:
    """Every buffer of the arena."""
    rows = tuple(
        (b.name, grouped(b.offset), grouped(b.size_bytes), grouped(b.first_step), grouped(b.last_step))
        for b in facts.buffers
    )
    return Table(("buffer", "address", "bytes", "first step", "last step"), rows, 1)


def cost_table(facts: Facts, macs: Mapping[str, int]) -> Table:
    """Multiplications, instructions and cycles of each layer; ``macs`` counts those with nonzero weights, by layer."""
    headings = (
        "#", "layer", "operator", "output", "dense MACs", "nonzero MACs", "instructions", "cycles", "flash stalls",
        "cycles per nonzero MAC",
    )  # fmt: skip
    rows = [
        (
            str(number),
            _title(layer),
            layer.op,
            times(*layer.shape),
            _known(layer.macs_dense),
            _known(macs.get(layer.name)),
            _known(layer.instructions),
            _known(layer.cycles),
            _known(layer.flash_stall_cycles),
            _each(layer.cycles, macs.get(layer.name)),
        )
        for number, layer in enumerate(facts.layers)
    ]
    total = (
        _known(facts.instructions),
        _known(facts.cycles),
        _known(facts.flash_stall_cycles),
        _each(facts.cycles, facts.macs_nonzero),
    )
    rows.append(("", "whole inference", "", "", grouped(facts.macs_dense), grouped(facts.macs_nonzero), *total))
    return Table(headings, tuple(rows), 4, total=True)


def _title(layer: Layer) -> str:
    return layer.name if layer.fused is None else f"{layer.name} + {layer.fused}"


def _known(count: int | None) -> str:
    return _NONE if count is None else grouped(count)


def _each(count: int | None, macs: int | None) -> str:
    return _NONE if count is None or not macs else f"{count / macs:.1f}"
