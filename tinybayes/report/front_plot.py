"""The Pareto front in the report: flash from left to right, cycles from bottom to top, both in decades."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tinybayes.report.facts import Facts, FrontPoint
from tinybayes.report.numerals import THIN, duration, grouped, in_bytes
from tinybayes.report.tables import Table

_HEIGHT = 260
_NONE = "–"
_ROUND = (1, 2, 5)


@dataclass(frozen=True)
class Spot:
    """A point of the plot, with what a reader who cannot see it is told."""

    kind: str
    x: str
    y: str
    title: str


@dataclass(frozen=True)
class FrontPlot:
    """``links`` are (x1, y1, x2, y2) between predicted points; ticks are (place, text)."""

    height: str
    spots: tuple[Spot, ...]
    links: tuple[tuple[str, str, str, str], ...]
    x_ticks: tuple[tuple[str, str], ...]
    y_ticks: tuple[tuple[str, str], ...]
    label: str


def front_plot(facts: Facts) -> FrontPlot | None:
    """Predicted and emulated points; None where the front was not explored."""
    if not facts.front:
        return None
    predicted = [(point.predicted_weights_bytes, point.predicted_cycles) for point in facts.front]
    built = [(p.weights_bytes, p.cycles) for p in facts.front if p.weights_bytes is not None and p.cycles is not None]
    across, up = (_Decades([point[axis] for point in [*predicted, *built]]) for axis in (0, 1))

    def place(point: tuple[int, int]) -> tuple[str, str]:
        return f"{100 * across.share(point[0]):.2f}%", f"{_HEIGHT * (1 - up.share(point[1])):.1f}"

    def spot(kind: str, what: str, point: tuple[int, int]) -> Spot:
        return Spot(kind, *place(point), f"{what}: {in_bytes(point[0])}, {grouped(point[1])} cycles")

    return FrontPlot(
        height=str(_HEIGHT),
        spots=(
            *(spot("predicted", "predicted", point) for point in predicted),
            *(spot("emulated", "built and emulated", point) for point in built),
        ),
        links=tuple((*place(a), *place(b)) for a, b in pairwise(predicted)),
        x_ticks=tuple((f"{100 * across.share(value):.2f}%", in_bytes(value)) for value in across.ticks()),
        y_ticks=tuple((f"{_HEIGHT * (1 - up.share(value)):.1f}", grouped(value)) for value in up.ticks()),
        label=f"Pareto front, {len(predicted)} plans: {in_bytes(predicted[0][0])} to {in_bytes(predicted[-1][0])}",
    )


def front_table(facts: Facts) -> Table:
    """Every point: its formats, what was predicted, and what was built and emulated."""
    headings = (
        "formats by layer", "weights", "whole image", "cycles predicted", "emulated", "off by", "time",
    )  # fmt: skip
    return Table(headings, tuple(_row(point) for point in facts.front), 1)


def _row(point: FrontPoint) -> tuple[str, ...]:
    formats = ", ".join(weight_format for _, weight_format in point.formats)
    predicted = (in_bytes(point.predicted_weights_bytes),)
    if point.cycles is None:
        return (formats, *predicted, "too large", grouped(point.predicted_cycles), _NONE, _NONE, _NONE)
    off = point.predicted_cycles / max(1, point.cycles) - 1
    return (
        formats,
        *predicted,
        _NONE if point.image_bytes is None else in_bytes(point.image_bytes),
        grouped(point.predicted_cycles),
        grouped(point.cycles),
        f"{100 * off:+.1f}{THIN}%",
        _NONE if point.seconds is None else duration(point.seconds),
    )


class _Decades:
    """A logarithmic axis that holds all of ``values``, with a tenth of its length to spare at each end."""

    def __init__(self, values: Sequence[int]) -> None:
        low, high = math.log10(min(values) or 1), math.log10(max(1, *values))
        spare = max(0.1 * (high - low), 0.02)
        self._low, self._high = low - spare, high + spare

    def share(self, value: int) -> float:
        """Where ``value`` lies, 0 to 1."""
        return (math.log10(max(1, value)) - self._low) / (self._high - self._low)

    def ticks(self) -> list[int]:
        """Round numbers on the axis: 1, 2 and 5 of each decade, or its ends where there are fewer than two."""
        decades = range(math.floor(self._low), math.ceil(self._high) + 1)
        values = [digit * 10**decade for decade in decades if decade >= 0 for digit in _ROUND]
        found = [value for value in values if 0 <= self.share(value) <= 1]
        return found if len(found) > 1 else [math.ceil(10**self._low), math.floor(10**self._high)]
