"""The arena over time: which bytes are in use in which step.

Widths are shares of the page in percent, heights pixels, so that text keeps its size on every screen.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tinybayes.report.facts import ArenaBuffer, Facts
from tinybayes.report.numerals import grouped, in_bytes

_HEIGHT = 260
_TOP = 8
_NARROWEST_STEP, _GUTTER = 58, 52
_LIVE_HEIGHT = 84
_TEXT_HEIGHT = 20
_TWO_LINES, _ONE_LINE = 34, 16


@dataclass(frozen=True)
class Box:
    """A buffer in the arena map; ``lines`` is how many lines of text it has room for."""

    kind: str
    name: str
    size: str
    x: str
    y: str
    width: str
    height: str
    middle: str
    lines: int
    title: str


@dataclass(frozen=True)
class Column:
    """A step of the arena map: its place, and the bar of its live bytes."""

    number: str
    name: str
    x: str
    width: str
    middle: str
    y: str
    height: str
    text_y: str
    live: str


@dataclass(frozen=True)
class ArenaMap:
    """Buffers over steps and addresses, above the live bytes of each step. ``ticks`` are (y, address)."""

    top: str
    full_height: str
    live_height: str
    boxes: tuple[Box, ...]
    columns: tuple[Column, ...]
    ticks: tuple[tuple[str, str], ...]
    peak: str
    has_scratch: bool


def narrowest_pixels(steps: int) -> int:
    """How narrow the map may get before it scrolls in its box."""
    return _GUTTER + _NARROWEST_STEP * steps


def arena_map(facts: Facts) -> ArenaMap:
    """Which bytes of the arena are in use in which step."""
    steps, arena = len(facts.layers), facts.arena_bytes
    tensors = {layer.tensor for layer in facts.layers}
    live = [sum(b.size_bytes for b in facts.buffers if b.first_step <= k <= b.last_step) for k in range(steps)]
    peak = max(live)
    return ArenaMap(
        top=str(_TOP),
        full_height=str(_HEIGHT + 2 * _TOP),
        live_height=str(_LIVE_HEIGHT),
        boxes=tuple(_box(buffer, steps, arena, buffer.name in tensors) for buffer in facts.buffers),
        columns=tuple(_column(k, layer.name, live[k], peak, steps) for k, layer in enumerate(facts.layers)),
        ticks=tuple((f"{_HEIGHT * (1 - at / arena):.1f}", grouped(at)) for at in _addresses(facts.buffers, arena)),
        peak=in_bytes(peak),
        has_scratch=any(buffer.name not in tensors for buffer in facts.buffers),
    )


def _box(buffer: ArenaBuffer, steps: int, arena: int, is_tensor: bool) -> Box:
    height = _HEIGHT * buffer.size_bytes / arena
    span = buffer.last_step - buffer.first_step + 1
    used = f"step {buffer.first_step}" if span == 1 else f"steps {buffer.first_step} to {buffer.last_step}"
    return Box(
        kind="tensor" if is_tensor else "scratch",
        name=buffer.name,
        size=in_bytes(buffer.size_bytes),
        x=_percent(buffer.first_step, steps),
        y=f"{_HEIGHT * (1 - (buffer.offset + buffer.size_bytes) / arena):.2f}",
        width=_percent(span, steps),
        height=f"{max(height, 1.5):.2f}",
        middle=f"{height / 2:.1f}",
        lines=2 if height >= _TWO_LINES else 1 if height >= _ONE_LINE else 0,
        title=f"{buffer.name}: {in_bytes(buffer.size_bytes)} at {grouped(buffer.offset)}, {used}",
    )


def _column(number: int, name: str, live: int, peak: int, steps: int) -> Column:
    height = (_LIVE_HEIGHT - _TEXT_HEIGHT) * live / max(1, peak)
    return Column(
        number=str(number),
        name=name,
        x=f"{100 * (number + 0.14) / steps:.3f}%",
        width=f"{72 / steps:.3f}%",
        middle=f"{100 * (number + 0.5) / steps:.3f}%",
        y=f"{_LIVE_HEIGHT - height:.2f}",
        height=f"{height:.2f}",
        text_y=f"{_LIVE_HEIGHT - height - 6:.2f}",
        live=grouped(live),
    )


def _addresses(buffers: Iterable[ArenaBuffer], arena: int) -> list[int]:
    """Where buffers begin, as far as their labels do not run into each other; always 0 and the arena's end."""
    chosen = [0, arena]
    for offset in sorted({buffer.offset for buffer in buffers}):
        if all(abs(offset - other) / arena * _HEIGHT >= 18 for other in chosen):
            chosen.append(offset)
    return sorted(chosen)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / max(1, whole):.3f}%"
