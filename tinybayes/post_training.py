"""``tinybayes compress``: what can be done for a trained network without training it again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinybayes.errors import LimitError, UserError
from tinybayes.ir import Graph
from tinybayes.passes import fold_batchnorm, to_integer
from tinybayes.pipeline import import_network, reference_classes
from tinybayes.reference import chosen_classes, execute, scaled_input

if TYPE_CHECKING:
    from torch import nn

    from tinybayes.compress import BlockShape

DEFAULT_BITS = 4
DEFAULT_MAX_DROP = 1.0
_MOST_SPARSE = 0.98
_SEARCH_STEPS = 7
_CHUNK_SAMPLES = 256
_TRAINING_PAYS_BELOW = 0.95

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Compression:
    """What came out: the integer network and the figures it was chosen by.

    ``sparsity`` is the share of zero weights; ``drop_points`` the percentage points of accuracy lost on the calibration
    data where it has labels, else of samples whose class is another than the float network's.
    """

    graph: Graph
    sparsity: float
    levels: int
    nonzero: int
    weights: int
    drop_points: float
    labelled: bool
    advice: str | None

    def figures(self) -> dict[str, Any]:
        """The figures, JSON-able."""
        names = ("sparsity", "levels", "nonzero", "weights", "drop_points", "labelled", "advice")
        return {name: getattr(self, name) for name in names}


def compress_model(
    model: "str | Path | nn.Module",
    calibration: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64] | None = None,
    *,
    sparsity: float | None = None,
    bits: int = DEFAULT_BITS,
    max_drop: float = DEFAULT_MAX_DROP,
    blocks: str | None = None,
    progress: Progress = lambda done, total: None,
) -> Compression:
    """Prune by magnitude, share weights and quantize ``model``, as far as the calibration data allows.

    ``sparsity`` fixes the share of zeros; otherwise it is the largest, found by bisection, that loses at most
    ``max_drop`` percentage points. ``bits`` gives 2^bits - 1 levels a layer. ``blocks`` (``1x4``, ``4x1`` or ``1x16``)
    prunes blocks of neighbouring weights. ``calibration`` is float32 (samples, *torch input shape).

    Raises UserError for options out of range, LimitError where the bound cannot be kept at all.
    """
    if sparsity is not None and not 0.0 <= sparsity < 1.0:
        raise UserError(f"--sparsity: got {sparsity}, wanted at least 0 and below 1, as 0.8")
    if not 1 <= bits <= 8:
        raise UserError(f"--bits: got {bits}, wanted 1 to 8")
    if not 0.0 <= max_drop <= 100.0:
        raise UserError(f"--max-drop: got {max_drop}, wanted percentage points, 0 to 100")
    from tinybayes.compress import SHAPES  # brings torch along

    if blocks is not None and blocks not in SHAPES:
        raise UserError(f"--blocks: got {blocks!r}, wanted rows x columns, one of {', '.join(SHAPES)}")
    graph = fold_batchnorm(import_network(model, calibration))
    search = _Search(graph, calibration, labels, (1 << bits) - 1, SHAPES[blocks] if blocks is not None else None)
    if sparsity is not None:
        found = search.at(sparsity)
        if found.drop_points > max_drop:
            raise LimitError(
                f"at --sparsity {sparsity} the network loses {found.drop_points:.2f} points on the calibration data, "
                f"more than the {max_drop:g} of --max-drop. Ask for less, allow more, or train it sparse: "
                "tinybayes.bayes.sparsify"
            )
        return found
    best = search.at(0.0)
    if best.drop_points > max_drop:
        raise LimitError(
            f"sharing {search.levels} levels a layer alone loses {best.drop_points:.2f} points on the calibration "
            f"data, more than the {max_drop:g} of --max-drop; give more --bits (now {bits}) or allow more"
        )
    low, high = 0.0, _MOST_SPARSE
    for step in range(_SEARCH_STEPS):
        middle = high if step == 0 else (low + high) / 2
        tried = search.at(middle)
        progress(step + 1, _SEARCH_STEPS)
        if tried.drop_points <= max_drop:
            best, low = tried, middle
            if step == 0:
                break
        else:
            high = middle
    progress(_SEARCH_STEPS, _SEARCH_STEPS)
    return best


class _Search:
    """Compresses one float network to any sparsity and measures what it loses."""

    def __init__(
        self,
        graph: Graph,
        x: npt.NDArray[np.float32],
        labels: npt.NDArray[np.int64] | None,
        levels: int,
        blocks: "BlockShape | None",
    ) -> None:
        self.graph, self.x, self.levels, self.blocks = graph, x, levels, blocks
        self.labelled = labels is not None
        classes = _float_classes(graph, x)
        self.wanted = classes if labels is None else labels
        self.before = float((classes == self.wanted).mean())

    def at(self, sparsity: float) -> Compression:
        """The network at one sparsity."""
        from tinybayes.compress import prune_by_magnitude, share_weights  # brings torch along

        small = share_weights(prune_by_magnitude(self.graph, sparsity, self.blocks), self.levels)
        weights = sum(node.weight.size for node in small.mac_nodes)
        graph = to_integer(small, self.x)
        nonzero = sum(node.nonzero for node in graph.mac_nodes)
        drop = 100 * (self.before - float((reference_classes(graph, self.x) == self.wanted).mean()))
        reached = 1 - nonzero / weights
        advice = None
        if reached < _TRAINING_PAYS_BELOW:
            advice = (
                f"without training {reached:.0%} of the weights are zero; networks trained sparse (tinybayes.bayes."
                "sparsify, or a recipe of `tinybayes train`) often keep only 1 to 10 % at equal accuracy"
            )
        how = {"sparsity": round(reached, 6), "levels": self.levels}
        graph = graph.with_facts(compressed=how if self.blocks is None else {**how, "blocks": str(self.blocks)})
        return Compression(graph, reached, self.levels, nonzero, weights, drop, self.labelled, advice)


def _float_classes(graph: Graph, x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    chunks = (x[start : start + _CHUNK_SAMPLES] for start in range(0, len(x), _CHUNK_SAMPLES))
    outputs = [execute(graph, scaled_input(graph, chunk))[graph.output] for chunk in chunks]
    return np.concatenate([chosen_classes(output, graph.class_scores) for output in outputs])
