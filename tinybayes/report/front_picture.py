"""The Pareto front as a picture: flash against cycles, predicted and emulated."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinybayes.report.numerals import grouped
from tinybayes.report.theme import LIGHT

PICTURE_NAME = "front.png"
_INCHES = (7.0, 4.2)
_DOTS_PER_INCH = 150


def draw_front(record: Mapping[str, Any], path: Path) -> None:
    """Draws ``record["front"]`` into the PNG file ``path``."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    rows = record["front"]
    built = [row for row in rows if row["cycles"] is not None]
    figure = Figure(_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(
        [row["predicted_weights_bytes"] for row in rows],
        [row["predicted_cycles"] for row in rows],
        "o-", color=LIGHT["padding"], markerfacecolor="none", markersize=9, label="predicted",
    )  # fmt: skip
    axes.plot(
        [row["weights_bytes"] for row in built], [row["cycles"] for row in built],
        "o", color=LIGHT["weights"], label="built and emulated",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: grouped(round(value))))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("weights and tables, bytes of flash")
    axes.set_ylabel("cycles of one inference, zero wait states")
    axes.set_title(f"{record['network']['name']} on {record['board']['name']} ({record['board']['core']})")
    axes.grid(True, which="both", color=LIGHT["line"], linewidth=0.6)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Software": None})
