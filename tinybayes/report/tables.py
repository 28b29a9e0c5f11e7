"""The tables of the report: the figures behind the pictures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tinybayes.report.bars import KIND_TITLES
from tinybayes.report.facts import KINDS, Cost, Facts, Layer, Part
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
        "#", "layer", "output", "dense MACs", "nonzero MACs", "instructions", "cycles", "flash stalls", "µs",
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
            _time(layer.cycles, layer.flash_stall_cycles, facts.clock_hz),
            _each(layer.cycles, macs.get(layer.name)),
        )
        for number, layer in enumerate(facts.layers)
    ]
    if facts.between_layers is not None:
        rest = facts.between_layers
        time = _time(rest.cycles, rest.flash_stall_cycles, facts.clock_hz)
        rows.append(("", "between them", "", _NONE, _NONE, *_counts(rest), time, _NONE))
    total = (
        _known(facts.instructions),
        _known(facts.cycles),
        _known(facts.flash_stall_cycles),
        _time(facts.cycles, facts.flash_stall_cycles, facts.clock_hz),
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
            *_counts(cost.whole),
            in_microseconds(cost.seconds),
        )
        for cost in facts.cores
    )
    return Table(headings, rows, 2)


def core_layers_table(facts: Facts) -> Table:
    """What each layer costs on every core."""
    names = (*(_title(layer) for layer in facts.layers), "between them")
    rows = tuple(
        (core.core, name, *_counts(part), _time(part.cycles, part.flash_stall_cycles, core.clock_hz))
        for core in facts.cores
        for name, part in zip(names, (*core.layers, core.between_layers), strict=True)
    )
    return Table(("core", "layer", "instructions", "cycles", "flash stalls", "microseconds"), rows, 2)


def _counts(cost: Cost) -> tuple[str, str, str]:
    return grouped(cost.instructions), grouped(cost.cycles), grouped(cost.flash_stall_cycles)


def _time(cycles: int | None, stalls: int | None, clock_hz: int | None) -> str:
    """Microseconds."""
    if cycles is None or clock_hz is None:
        return _NONE
    return in_microseconds((cycles + (stalls or 0)) / clock_hz)


def _title(layer: Layer) -> str:
    return layer.name if layer.fused is None else f"{layer.name} + {layer.fused}"


def _known(count: int | None) -> str:
    return _NONE if count is None else grouped(count)


def _each(count: int | None, macs: int | None) -> str:
    return _NONE if count is None or not macs else f"{count / macs:.1f}"
