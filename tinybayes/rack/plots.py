"""Pictures of a run: latency, flash and RAM of every network on every board, beside those of the run before."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinybayes.rack.store import CellResult

Cells = Mapping[tuple[str, str], CellResult]


@dataclass(frozen=True)
class _Picture:
    file: str
    title: str
    unit: str
    figure_of: Callable[[CellResult], float | None]


_PICTURES = (
    _Picture(
        "latency.png",
        "Latency of an inference",
        "ms",
        lambda cell: None if cell.latency_seconds is None else 1e3 * cell.latency_seconds,
    ),
    _Picture(
        "flash.png",
        "Flash of the whole image",
        "KiB",
        lambda cell: None if cell.flash_bytes is None else cell.flash_bytes / 1024,
    ),
    _Picture(
        "ram.png",
        "RAM of the whole image",
        "KiB",
        lambda cell: None if cell.ram_bytes is None else cell.ram_bytes / 1024,
    ),
)
_INK, _GREY, _RED = "#222222", "#767676", "#b3261e"
_ROW_INCHES, _GAP_ROWS, _FRAME_INCHES = 0.27, 0.7, 1.35


def draw_pictures(cells: Sequence[CellResult], directory: Path, before: Cells | None = None) -> tuple[Path, ...]:
    """Writes latency.png, flash.png and ram.png: a group for each board, a bar with its figure for each network.

    Bars of latencies that are modelled, not measured, are hatched. A line across a bar is the figure in ``before``,
    the last good result of the cell. Cells without the figure say why.
    """
    directory.mkdir(parents=True, exist_ok=True)
    return tuple(_draw(picture, cells, before or {}, directory) for picture in _PICTURES)


def _draw(picture: _Picture, cells: Sequence[CellResult], before: Cells, directory: Path) -> Path:
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    boards = sorted({cell.board for cell in cells})
    networks = sorted({cell.network for cell in cells})
    colours = {name: colormaps["tab10"](k % 10) for k, name in enumerate(networks)}
    group_rows = len(networks) + _GAP_ROWS
    figure = Figure(figsize=(9, _FRAME_INCHES + _ROW_INCHES * group_rows * len(boards)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    largest = max((picture.figure_of(cell) or 0.0 for cell in (*cells, *before.values())), default=0.0) or 1.0
    room = 0.01 * largest
    latency = picture.file == "latency.png"
    compared = False
    for cell in cells:
        row = boards.index(cell.board) * group_rows + networks.index(cell.network)
        value = picture.figure_of(cell)
        if value is None:
            word = "differs" if cell.mismatches else "failed" if not cell.good else "no figure"
            axes.text(room, row, word, va="center", fontsize=9, color=_RED)
            continue
        hatch = "///" if latency and cell.latency_source != "measured" else None
        axes.barh(row, value, 0.85, color=colours[cell.network], hatch=hatch, edgecolor="white", linewidth=0)
        old = before.get((cell.network, cell.board))
        then = (
            None if old is None or (latency and old.latency_source != cell.latency_source) else picture.figure_of(old)
        )
        if then is not None:
            compared = True
            axes.plot([then, then], [row - 0.45, row + 0.45], color=_INK, linewidth=1.5)
        axes.text(max(value, then or 0.0) + room, row, _text(value, then), va="center", fontsize=9, color=_INK)
    _label_boards(axes, boards, group_rows, len(networks))
    axes.set_xlim(0, 1.2 * largest)
    axes.set_xlabel(picture.unit, color=_GREY)
    handles: list[Any] = [Patch(color=colours[name], label=name) for name in networks]
    if latency and any(cell.latency_source == "emulated" for cell in cells):
        handles.append(Patch(facecolor="white", edgecolor=_GREY, hatch="///", label="modelled, not measured"))
    if compared:
        handles.append(Line2D([], [], color=_INK, linewidth=1.5, label="the last good run"))
    figure.legend(handles=handles, loc="outside lower left", ncols=4, frameon=False, fontsize=9)
    axes.set_title(picture.title, loc="left", fontsize=11, fontweight="bold", color=_INK)
    figure.savefig(directory / picture.file, dpi=110)
    return directory / picture.file


def _label_boards(axes: Any, boards: Sequence[str], group_rows: float, networks: int) -> None:  # noqa: ANN401 - Axes
    middle = (networks - 1) / 2
    axes.set_yticks([k * group_rows + middle for k in range(len(boards))], boards)
    axes.set_ylim(len(boards) * group_rows - _GAP_ROWS, -1)
    axes.tick_params(length=0, colors=_INK)
    axes.grid(axis="x", color="#e4e4e4")
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)


def _text(value: float, before: float | None) -> str:
    """The figure, and by how much it has changed where that shows."""
    shown = f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
    if not before or abs(value / before - 1) < 0.0005:
        return shown
    return f"{shown}  ({value / before - 1:+.1%})"
