"""The tables of the report: the figures behind the pictures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tinybayes.report.bars import KIND_TITLES
from tinybayes.report.facts import KINDS, Facts, Layer, Part
from tinybayes.report.numerals import grouped, in_microseconds, times

_NONE = "–"
_CODE_TITLES = ("instructions", "literals")
_OWNERS = {"network": "shared by the layers", "alignment": "alignment"}


@dataclass(frozen=True)
class Table:
    """A table: the first ``words`` columns hold words, the others numbers; the last row is a sum where ``total``."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int
    total: bool = False


def flash_table(facts: Facts) -> Table:
    """Bytes of each layer by kind, and of all else that is stored; the last row is the sum."""
    kinds = [kind for kind in KINDS if any(layer.bytes_by_kind.get(kind) for layer in facts.layers)]
    titles = (*(KIND_TITLES[kind] for kind in kinds), "constants", *_CODE_TITLES, "bytes")
    numbers: list[tuple[int | None, ...]] = []
    words: list[tuple[str, str, str]] = []
    for number, layer in enumerate(facts.layers):
        words.append((str(number), _title(layer), layer.format or _NONE))
        by_kind = (layer.bytes_by_kind.get(kind, 0) for kind in kinds)
        code = _code(facts.flash_parts, "layer", layer.name, layer.code_bytes)
        total = layer.weights_bytes + (layer.code_bytes or 0)
        numbers.append((*by_kind, layer.weights_bytes, *code, total))
    for group, owner in _others(facts.flash_parts):
        words.append(("", _OWNERS.get(group, owner), ""))
        code = _code(facts.flash_parts, group, owner, None)
        total = sum(part.size_bytes for part in facts.flash_parts if (part.group, part.owner) == (group, owner))
        numbers.append((*(None for _ in kinds), total - sum(size or 0 for size in code), *code, total))
    words.append(("", "all layers" if facts.image_bytes is None else "whole image", ""))
    sums = (_sum(column) for column in zip(*numbers, strict=True))
    rows = zip(words, [*numbers, tuple(sums)], strict=True)
    shown = tuple((*named, *(_known(size) for size in sizes)) for named, sizes in rows)
    return Table(("#", "layer", "format", *titles), shown, 3, total=True)


def parts_table(parts: Iterable[Part], stack_bytes: int | None = None) -> Table:
    """Every symbol with its bytes, and the stack where ``stack_bytes`` is given; the last row is the sum."""
    listed = [(part.owner, part.name, part.kind, part.size_bytes) for part in parts]
    if stack_bytes is not None:
        listed.append(("stack", "worst case", "stack", stack_bytes))
    rows = [(owner, name, kind, grouped(size)) for owner, name, kind, size in listed]
    rows.append(("all", "", "", grouped(sum(size for *_, size in listed))))
    return Table(("belongs to", "symbol", "kind", "bytes"), tuple(rows), 3, total=True)


def _others(parts: Iterable[Part]) -> list[tuple[str, str]]:
    """(group, owner) of what is no layer's, in the order of the groups."""
    found = dict.fromkeys((part.group, part.owner) for part in parts if part.group != "layer")
    order = ("network", "firmware", "library", "alignment")
    return sorted(found, key=lambda one: order.index(one[0]) if one[0] in order else len(order))


def _code(parts: Iterable[Part], group: str, owner: str, unsplit: int | None) -> tuple[int | None, ...]:
    """Bytes of instructions and of literals; where only their sum is known, that and None."""
    mine = [part for part in parts if (part.group, part.owner) == (group, owner)]
    if not mine:
        return (unsplit, None)
    return tuple(sum(part.size_bytes for part in mine if part.kind == kind) for kind in ("instructions", "literals"))


def _sum(sizes: Iterable[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def arena_table(facts: Facts) -> Table:
    """Every buffer of the arena."""
    rows = tuple(
        (b.name, grouped(b.offset), grouped(b.size_bytes), grouped(b.first_step), grouped(b.last_step))
        for b in facts.buffers
    )
    return Table(("buffer", "address", "bytes", "first step", "last step"), rows, 1)


def cost_table(facts: Facts, macs: Mapping[str, int]) -> Table:
    """Multiplications, instructions, cycles, and cycles for each nonzero MAC; ``macs`` counts these by layer."""
    headings = (
        "#", "layer", "output", "dense MACs", "nonzero MACs", "instructions", "cycles", "flash stalls",
        "per MAC",
    )  # fmt: skip
    rows = [
        (
            str(number),
            _title(layer),
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
    rows.append(("", "whole inference", "", grouped(facts.macs_dense), grouped(facts.macs_nonzero), *total))
    return Table(headings, tuple(rows), 3, total=True)


def cores_table(facts: Facts) -> Table:
    """What one inference costs on every core."""
    headings = ("core", "as on", "MHz", "instructions", "cycles", "flash stalls", "microseconds")
    rows = tuple(
        (
            cost.core,
            cost.board,
            f"{cost.clock_hz / 1e6:g}",
            grouped(cost.instructions),
            grouped(cost.cycles),
            grouped(cost.flash_stall_cycles),
            in_microseconds(cost.seconds),
        )
        for cost in facts.cores
    )
    return Table(headings, rows, 2)


def core_layers_table(facts: Facts) -> Table:
    """Cycles and flash stalls of each layer on every core, as ``cycles + stalls``."""
    rows = tuple(
        (_title(layer), *(f"{grouped(cost.layers[n][1])} + {grouped(cost.layers[n][2])}" for cost in facts.cores))
        for n, layer in enumerate(facts.layers)
    )
    return Table(("layer", *(cost.core.removeprefix("cortex-") for cost in facts.cores)), rows, 1)


def _title(layer: Layer) -> str:
    return layer.name if layer.fused is None else f"{layer.name} + {layer.fused}"


def _known(count: int | None) -> str:
    return _NONE if count is None else grouped(count)


def _each(count: int | None, macs: int | None) -> str:
    return _NONE if count is None or not macs else f"{count / macs:.1f}"
