"""Accuracy from float to device, one row a stage."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tinybayes.report.facts import Facts
from tinybayes.report.numerals import grouped, percent

_ROW_HEIGHT = 34
_TICKS = 5
_STEPS_HUNDREDTHS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
Row = tuple[str, str, float, int | None]


@dataclass(frozen=True)
class Dot:
    """A row of the accuracy plot."""

    label: str
    kind: str
    x: str
    y: str
    value: str
    nonzero: str


@dataclass(frozen=True)
class Link:
    """A line between two dots."""

    x1: str
    y1: str
    x2: str
    y2: str


@dataclass(frozen=True)
class AccuracyPlot:
    """Accuracy over the stages, top to bottom. ``ticks`` are (x, text)."""

    height: str
    dots: tuple[Dot, ...]
    links: tuple[Link, ...]
    ticks: tuple[tuple[str, str], ...]


def accuracy_rows(facts: Facts) -> list[Row]:
    """(label, kind, accuracy, nonzero weights) from float to device."""
    rows: list[Row] = [
        (stage.name, "integer" if stage.name == "integer" else "trained", stage.accuracy, stage.nonzero)
        for stage in facts.stages
    ]
    if not rows and facts.accuracy_float is not None:
        rows.append(("float", "trained", facts.accuracy_float, None))
    if facts.accuracy_reference is not None:
        rows.append(("reference", "integer", facts.accuracy_reference, facts.nonzero))
    if facts.accuracy_device is not None:
        rows.append(("device", "integer", facts.accuracy_device, facts.nonzero))
    return rows


def accuracy_plot(rows: Sequence[Row]) -> AccuracyPlot:
    """Dots for (label, kind, accuracy, nonzero weights); the axis spans what there is, and says so with its ticks."""
    low, step = _axis([accuracy for _, _, accuracy, _ in rows])
    high = low + _TICKS * step
    places = [
        (f"{100 * (row[2] - low) / (high - low):.2f}%", f"{(k + 0.5) * _ROW_HEIGHT:.1f}") for k, row in enumerate(rows)
    ]
    dots = tuple(
        Dot(label, kind, x, y, percent(accuracy), "" if nonzero is None else grouped(nonzero))
        for (label, kind, accuracy, nonzero), (x, y) in zip(rows, places, strict=True)
    )
    digits = max(0, -math.floor(math.log10(100 * step) + 1e-9))
    ticks = tuple((f"{100 * k / _TICKS:.1f}%", percent(low + k * step, digits)) for k in range(_TICKS + 1))
    links = tuple(Link(*a, *b) for a, b in pairwise(places))
    return AccuracyPlot(str(len(rows) * _ROW_HEIGHT), dots, links, ticks)


def _axis(values: Sequence[float]) -> tuple[float, float]:
    """(start, step) of an axis of ``_TICKS`` round steps that holds all ``values``, all of them fractions."""
    for hundredths in _STEPS_HUNDREDTHS:
        step = hundredths / 10_000
        low = max(0.0, math.floor((min(values) - step / 4) / step) * step)
        low = min(low, 1 - _TICKS * step)
        if max(values) <= low + _TICKS * step + 1e-12 and min(values) >= low - 1e-12:
            return low, step
    return 0.0, 1 / _TICKS
