"""Pictures of a run: latency and flash of every network on every board."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tinybayes.rack.store import CellResult

_PICTURES: tuple[tuple[str, str, Callable[[CellResult], float | None]], ...] = (
    (
        "latency.png",
        "ms per inference",
        lambda cell: None if cell.latency_seconds is None else 1e3 * cell.latency_seconds,
    ),
    (
        "flash.png",
        "KiB of flash, whole image",
        lambda cell: None if cell.flash_bytes is None else cell.flash_bytes / 1024,
    ),
    ("ram.png", "KiB of RAM, whole image", lambda cell: None if cell.ram_bytes is None else cell.ram_bytes / 1024),
)


def draw_pictures(cells: Sequence[CellResult], directory: Path) -> tuple[Path, ...]:
    """Writes latency.png, flash.png and ram.png; boards from top to bottom, a bar for each network.

    Cells that failed have no bar.
    """
    from matplotlib.figure import Figure

    boards = sorted({cell.board for cell in cells})
    networks = sorted({cell.network for cell in cells})
    height = 0.8 / len(networks)
    directory.mkdir(parents=True, exist_ok=True)
    made = []
    for name, label, figure_of in _PICTURES:
        figure = Figure(figsize=(8, 1.2 + 0.35 * len(boards) * max(1.0, len(networks) / 2)), layout="constrained")
        axes = figure.add_subplot()
        for k, network in enumerate(networks):
            bars = [(boards.index(c.board), figure_of(c)) for c in cells if c.network == network and c.good]
            drawn = [(row + k * height - 0.4 + height / 2, value) for row, value in bars if value is not None]
            axes.barh([row for row, _ in drawn], [value for _, value in drawn], height, label=network)
        axes.set_yticks(range(len(boards)), boards)
        axes.invert_yaxis()
        axes.set_xlabel(label)
        axes.grid(axis="x", alpha=0.3)
        axes.legend()
        figure.savefig(directory / name, dpi=110)
        made.append(directory / name)
    return tuple(made)
