"""What a network could be on a board: every plan that no other beats in flash and latency, built and emulated."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tinybayes.boards import Board, Target
from tinybayes.deployment import Deployment
from tinybayes.errors import LimitError, UnsupportedError, UserError
from tinybayes.ir import Graph
from tinybayes.pipeline import compile_network
from tinybayes.plan.front import Choice, spread
from tinybayes.plan.ordering import front_in_best_orders
from tinybayes.report.front_picture import PICTURE_NAME, draw_front

FEWEST_POINTS = 2
Progress = Callable[[str, int, int], None]


def explore(
    graph: Graph,
    target: Target,
    out: Path,
    *,
    points: int = 12,
    name: str = "network",
    progress: Progress = lambda what, done, total: None,
) -> Deployment:
    """Builds and traces the Pareto front of ``graph`` on a board; at most ``points`` choices of it, ends included.

    Hidden channels lie in the orders in which :func:`compile_network` would put them, so that each choice is what it
    makes within the bytes, or the cycles, of the choice.

    ``out`` becomes the balanced plan's project. Its record has the front under ``front``: for each choice the formats,
    predicted bytes and cycles, and those of the bare image as built and traced in QEMU. Beside it lie the picture
    ``front.png`` and ``report.html``. Choices that the board cannot hold are in the record without the latter figures.
    Raises as :func:`compile_network` does.
    """
    if not isinstance(target, Board):
        raise UnsupportedError(
            f"{target.name} is a core without a board, where nothing runs; choose a board (`tinybayes boards`)"
        )
    if points < FEWEST_POINTS:
        raise UserError(f"--points: got {points}, wanted at least {FEWEST_POINTS}, the ends of the front")
    deployment = compile_network(graph, target, out, name=name)
    front = front_in_best_orders(graph, target.core)
    shown = spread([choice.weights_bytes for _, choice in front], points)
    rows = []
    for number, place in enumerate(shown):
        progress("plans", number, len(shown))
        network, choice = front[place]
        rows.append(_row(choice, measure(network, target, choice)))
    progress("plans", len(shown), len(shown))
    deployment.keep_front(rows)
    draw_front(deployment.record, out / PICTURE_NAME)
    deployment.report()
    return deployment


def measure(graph: Graph, board: Board, choice: Choice) -> dict[str, Any] | None:
    """The record of the bare image with ``choice``, built and traced; None where the board cannot hold it."""
    with TemporaryDirectory(prefix="tinybayes-") as work:
        try:
            deployment = compile_network(graph, board, Path(work) / "plan", protocol="none", formats=choice.formats)
            deployment.build()
        except LimitError:
            return None
        deployment.measure_latency()
        return deployment.record


def _row(choice: Choice, measured: dict[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "formats": dict(choice.formats),
        "predicted_weights_bytes": choice.weights_bytes,
        "predicted_cycles": choice.estimated_cycles,
        "weights_bytes": None,
        "image_bytes": None,
        "arena_bytes": None,
        "cycles": None,
        "seconds": None,
    }
    if measured is not None:
        row |= {key: measured["flash"][key] for key in ("weights_bytes", "image_bytes")}
        row |= {key: measured["latency"][key] for key in ("cycles", "seconds")}
        row["arena_bytes"] = measured["ram"]["arena_bytes"]
    return row
