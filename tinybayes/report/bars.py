"""Bars of bytes, instructions and multiplications, as shares of the width in percent.

Widths follow the page and text keeps its size, because nothing is scaled by a view box.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tinybayes.report.facts import KINDS, Facts
from tinybayes.report.numerals import grouped, in_bytes, in_microseconds, ratio

_THINNEST_PERCENT = 0.3
_WIDE_PERCENT = 1.0
KIND_TITLES = {
    "weights": "weights",
    "tables": "code tables",
    "biases": "biases",
    "multipliers": "multipliers",
    "padding": "padding",
    "code": "code",
    "other": "rest of the firmware",
}


@dataclass(frozen=True)
class Segment:
    """A part of a bar: its kind (a colour), where it begins and how wide it is."""

    kind: str
    x: str
    width: str
    title: str
    wide: bool


@dataclass(frozen=True)
class Bar:
    """A bar with its label, the text behind it, and what a reader who cannot see it is told."""

    label: str
    note: str
    value: str
    segments: tuple[Segment, ...]
    title: str
    remark: str = ""


@dataclass(frozen=True)
class Contest:
    """The compiled network beside others that compute the same."""

    title: str
    bars: tuple[Bar, ...]


def flash_bars(facts: Facts) -> tuple[Bar, ...]:
    """Bytes of flash of each layer by kind, its own code included where it is known, and the code they share."""
    rows: list[tuple[str, str, list[tuple[str, int]]]] = [
        (
            layer.name,
            layer.format or ("" if layer.op == layer.name else layer.op),
            [*((kind, layer.bytes_by_kind.get(kind, 0)) for kind in KINDS), ("code", layer.code_bytes or 0)],
        )
        for layer in facts.layers
    ]
    if facts.code_bytes is not None:
        own = sum(layer.code_bytes or 0 for layer in facts.layers)
        rows.append(("shared code", "kernels", [("code", max(0, facts.code_bytes - own))]))
    if facts.other_bytes is not None:
        rows.append((KIND_TITLES["other"], "", [("other", facts.other_bytes)]))
    largest = max(sum(size for _, size in parts) for _, _, parts in rows)
    return tuple(
        Bar(label, note, in_bytes(sum(size for _, size in parts)), stacked(parts, largest), _told(label, parts))
        for label, note, parts in rows
    )


def flash_kinds(facts: Facts) -> tuple[tuple[str, str], ...]:
    """(kind, title) of what the bars by layer are made of."""
    used = {kind for layer in facts.layers for kind, size in layer.bytes_by_kind.items() if size}
    shown = [kind for kind in KINDS if kind in used] + (["code"] if facts.code_bytes is not None else [])
    shown += ["other"] if facts.other_bytes is not None else []
    return tuple((kind, KIND_TITLES[kind]) for kind in shown)


def image_segments(facts: Facts) -> tuple[Segment, ...]:
    """The whole image as one bar; nothing where it has not been built."""
    if facts.image_bytes is None or facts.code_bytes is None or facts.other_bytes is None:
        return ()
    parts = (("weights", facts.weights_bytes), ("code", facts.code_bytes), ("other", facts.other_bytes))
    return stacked(parts, max(facts.image_bytes, sum(size for _, size in parts)))


def image_parts(facts: Facts) -> tuple[tuple[str, str, str], ...]:
    """(kind, title, bytes) of the whole image."""
    parts = (
        ("weights", "all constants of the network", facts.weights_bytes),
        ("code", "code of the network", facts.code_bytes),
        ("other", KIND_TITLES["other"], facts.other_bytes),
    )
    return tuple((kind, title, in_bytes(size)) for kind, title, size in parts if size is not None)


def cost_bars(facts: Facts) -> tuple[Bar, ...]:
    """Cycles of each layer with its waiting for flash, or its instructions; nothing where none were counted."""
    rows = [
        (layer.name, "" if layer.op == layer.name else layer.op, layer.cycles, layer.flash_stall_cycles)
        for layer in facts.layers
    ]
    timed = [(name, note, cycles, stalls) for name, note, cycles, stalls in rows if cycles is not None]
    if len(timed) != len(rows):
        return _instruction_bars(facts)
    if facts.between_layers is not None:
        timed.append(("between them", "", facts.between_layers.cycles, facts.between_layers.flash_stall_cycles))
    largest = max(cycles + (stalls or 0) for _, _, cycles, stalls in timed)
    return tuple(_cycle_bar(name, note, cycles, stalls or 0, largest) for name, note, cycles, stalls in timed)


def cost_kinds(facts: Facts) -> tuple[tuple[str, str], ...]:
    """(kind, title) of what the bars by layer are made of, where they are made of cycles."""
    if any(layer.cycles is None for layer in facts.layers):
        return ()
    return (("weights", "cycles of the core"), ("code", "waiting for flash"))


def _cycle_bar(name: str, note: str, cycles: int, stalls: int, largest: int) -> Bar:
    waiting = f" and {grouped(stalls)} of waiting for flash" if stalls else ""
    segments = list(_single("weights", cycles, largest, f"{grouped(cycles)} cycles"))
    if stalls:
        share, start = 100 * stalls / max(1, largest), _percent(cycles, largest)
        segments.append(Segment("code", start, f"{share:.3f}%", f"{grouped(stalls)} of waiting for flash", False))
    return Bar(
        label=name,
        note=note,
        value=grouped(cycles + stalls),
        segments=tuple(segments),
        title=f"{name}: {grouped(cycles)} cycles{waiting}",
    )


def _instruction_bars(facts: Facts) -> tuple[Bar, ...]:
    largest = max((layer.instructions or 0 for layer in facts.layers), default=0)
    if not largest:
        return ()
    return tuple(
        Bar(
            label=layer.name,
            note="" if layer.op == layer.name else layer.op,
            value="–" if layer.instructions is None else grouped(layer.instructions),
            segments=_single(
                "weights", layer.instructions or 0, largest, f"{grouped(layer.instructions or 0)} instructions"
            ),
            title=f"{layer.name}: {grouped(layer.instructions or 0)} instructions",
        )
        for layer in facts.layers
    )


def core_bars(facts: Facts) -> tuple[Bar, ...]:
    """Time of one inference on every core; nothing where cores were not compared."""
    longest = max((cost.seconds for cost in facts.cores), default=0.0)
    return tuple(
        Bar(
            label=cost.core,
            note=f"{cost.board}, {cost.clock_hz / 1e6:g} MHz",
            value=f"{in_microseconds(cost.seconds)} µs",
            segments=_single(
                "weights", round(1e9 * cost.seconds), round(1e9 * longest), f"{in_microseconds(cost.seconds)} µs"
            ),
            title=f"{cost.core}: {in_microseconds(cost.seconds)} microseconds",
        )
        for cost in facts.cores
    )


def contests(facts: Facts) -> tuple[Contest, ...]:
    """Bytes and multiplications beside the same network stored dense."""
    stored = (
        ("float32, dense", "other", facts.float32_bytes),
        ("int8, dense", "padding", facts.dense_int8_bytes),
        ("as compiled", "weights", facts.weights_bytes),
    )
    multiplied = (("dense", "padding", facts.macs_dense), ("as compiled", "weights", facts.macs_nonzero))
    return (
        Contest("Constants in flash", _race(stored, in_bytes, "smaller", "larger")),
        Contest("Multiplications in one inference", _race(multiplied, grouped, "fewer", "more")),
    )


def factor(before: int, after: int, less: str, more: str) -> str:
    """How ``after`` compares with ``before``: ``"41× smaller"``, or ``"1.20× larger"``; empty without a ratio."""
    if not before or not after:
        return ""
    return f"{ratio(before / after)}× {less}" if after <= before else f"{ratio(after / before)}× {more}"


def stacked(parts: Iterable[tuple[str, int]], largest: int) -> tuple[Segment, ...]:
    """Segments for (kind, bytes) one behind the other, on a scale that ends at ``largest``."""
    segments, start = [], 0
    for kind, size in parts:
        if size:
            share = 100 * size / max(1, largest)
            title = f"{KIND_TITLES[kind]}: {in_bytes(size)}"
            segments.append(Segment(kind, _percent(start, largest), f"{share:.3f}%", title, share > _WIDE_PERCENT))
        start += size
    return tuple(segments)


def _race(rows: Sequence[tuple[str, str, int]], text: Callable[[int], str], less: str, more: str) -> tuple[Bar, ...]:
    """Bars on one linear scale; the last row is ours, and the others say how it compares."""
    largest, ours = max(size for _, _, size in rows), rows[-1][2]
    bars = []
    for label, kind, size in rows:
        against = "" if label == rows[-1][0] else f"ours is {factor(size, ours, less, more)}"
        bars.append(
            Bar(label, "", text(size), _single(kind, size, largest, text(size)), f"{label}: {text(size)}", against)
        )
    return tuple(bars)


def _single(kind: str, size: int, largest: int, title: str) -> tuple[Segment, ...]:
    """One segment, never too thin to be seen."""
    if not size:
        return ()
    share = max(100 * size / max(1, largest), _THINNEST_PERCENT)
    return (Segment(kind, "0%", f"{share:.3f}%", title, False),)


def _told(label: str, parts: Iterable[tuple[str, int]]) -> str:
    told = ", ".join(f"{KIND_TITLES[kind]} {grouped(size)} bytes" for kind, size in parts if size)
    return f"{label}: {told or 'no bytes'}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / max(1, whole):.3f}%"
