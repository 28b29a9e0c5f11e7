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
from tinybayes.plan.ordering import plan_in_best_order
from tinybayes.plan.plan import NO_LIMITS
from tinybayes.reference import chosen_classes, execute, scaled_input

if TYPE_CHECKING:
    from torch import nn

    from tinybayes.compress import BlockShape

DEFAULT_BITS = 4
DEFAULT_MAX_DROP = 1.0
_MOST_SPARSE = 0.98
_SEARCH_STEPS = 7
_CHUNK_SAMPLES = 256
_CORE = "cortex-m4"
_RATES = (0.3, 0.1, 0.05, 0.03, 0.02, 0.01, 0.003)
"""Prices of a bit, in variances of a layer's weights, of which the search takes the one that leads to fewest bytes."""
_TRAINING_PAYS_FROM = 1.5
"""So many times the bytes that training leads to."""


@dataclass(frozen=True)
class Reached:
    """What a recipe reaches by training sparse: bytes in flash, and percentage points lost to the float network."""

    weights: int
    weights_bytes: int
    lost_points: float


BY_TRAINING = {
    "imu-user-id": Reached(24_128, 3_172, 0.96),
    "mnist-lenet5-small": Reached(45_324, 2_060, 0.10),
    "mnist-lenet300": Reached(266_200, 3_972, 0.28),
}
"""About what examples/ holds (a test compares them); a network is measured by the one that is nearest in weights."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Compression:
    """What came out: the integer network and the figures it was chosen by.

    ``sparsity`` is the share of zero weights; ``drop_points`` the percentage points of accuracy lost on the calibration
    data where it has labels, else of samples whose class is another than the float network's. ``weights_bytes`` is what
    ``compile --objective flash`` stores for a Cortex-M4; ``rate`` the price of a bit that clusters were found with, 0
    where none made them smaller, and ``without_rate_bytes`` what is stored at a price of 0. ``han_bytes`` is the size
    in the accounting of Deep Compression with fixed widths, ``han_huffman_bytes`` with Huffman codes
    (:class:`tinybayes.compress.HanSize`).
    """

    graph: Graph
    sparsity: float
    levels: int
    nonzero: int
    weights: int
    drop_points: float
    labelled: bool
    rate: float
    weights_bytes: int
    without_rate_bytes: int
    han_bytes: int
    han_huffman_bytes: int

    @property
    def bits_a_weight(self) -> float:
        """Bits in flash over all weights, zeros too."""
        return 8 * self.weights_bytes / self.weights

    @property
    def advice(self) -> str | None:
        """What training would bring, where a recipe's network of like size takes far fewer bits a weight."""
        like = min(BY_TRAINING, key=lambda recipe: abs(np.log(BY_TRAINING[recipe].weights / self.weights)))
        known = BY_TRAINING[like]
        known_bits = 8 * known.weights_bytes / known.weights
        if self.bits_a_weight < _TRAINING_PAYS_FROM * known_bits:
            return None
        return (
            f"without training {self.sparsity:.1%} of the weights are zero at a loss of {self.drop_points:.2f} points, "
            f"{self.bits_a_weight:.2f} bits a weight; trained sparse, {like} ({known.weights:,} weights) takes "
            f"{known_bits:.2f} bits at {known.lost_points:.2f}, {self.bits_a_weight / known_bits:.1f} times fewer: "
            "tinybayes.bayes.sparsify, or a recipe of `tinybayes train`"
        )

    def figures(self) -> dict[str, Any]:
        """The figures, JSON-able."""
        names = (
            "sparsity", "levels", "nonzero", "weights", "drop_points", "labelled", "rate", "weights_bytes",
            "without_rate_bytes", "han_bytes", "han_huffman_bytes", "advice",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


def compress_model(
    model: "str | Path | nn.Module",
    calibration: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64] | None = None,
    *,
    sparsity: float | None = None,
    bits: int = DEFAULT_BITS,
    rate: float | None = None,
    max_drop: float = DEFAULT_MAX_DROP,
    blocks: str | None = None,
    progress: Progress = lambda done, total: None,
) -> Compression:
    """Prune, share weights, price their bits and quantize ``model``, as far as the calibration data allows.

    ``sparsity`` fixes the share of zeros; otherwise it is the largest, found by bisection, that loses at most
    ``max_drop`` percentage points. ``bits`` gives 2^bits - 1 levels a layer. ``rate`` fixes the price of a bit in
    variances of a layer's weights, by which clusters of weights grow uneven and their codes short
    (:func:`tinybayes.compress.cluster`); otherwise it is the one of some that leads to the fewest bytes in flash within
    ``max_drop``. Either is left out where bytes do not fall. ``blocks`` (``1x4``, ``4x1`` or ``1x16``) prunes blocks of
    neighbouring weights. ``calibration`` is float32 (samples, *torch input shape).

    Raises UserError for options out of range, LimitError where the bound cannot be kept at all.
    """
    if sparsity is not None and not 0.0 <= sparsity < 1.0:
        raise UserError(f"--sparsity: got {sparsity}, wanted at least 0 and below 1, as 0.8")
    if not 1 <= bits <= 8:
        raise UserError(f"--bits: got {bits}, wanted 1 to 8")
    if not 0.0 <= max_drop <= 100.0:
        raise UserError(f"--max-drop: got {max_drop}, wanted percentage points, 0 to 100")
    if rate is not None and not 0.0 <= rate <= 100.0:
        raise UserError(f"--rate: got {rate}, wanted variances of the weights a bit, 0 to 100, as 0.03")
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
        return search.priced(found, rate, max_drop, progress)
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
        progress(step + 1, _SEARCH_STEPS + 1)
        if tried.drop_points <= max_drop:
            best, low = tried, middle
            if step == 0:
                break
        else:
            high = middle
    return search.priced(best, rate, max_drop, progress)


@dataclass(frozen=True)
class _Tried:
    """A network of the search: ``asked`` the sparsity that it was pruned to, ``reached`` what it has as integers."""

    graph: Graph
    asked: float
    reached: float
    rate: float
    nonzero: int
    weights: int
    drop_points: float


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

    def at(self, sparsity: float, rate: float = 0.0) -> _Tried:
        """The network at one sparsity and price of a bit."""
        from tinybayes.compress import prune_by_magnitude, share_weights  # brings torch along

        small = share_weights(prune_by_magnitude(self.graph, sparsity, self.blocks), self.levels, rate)
        weights = sum(node.weight.size for node in small.mac_nodes)
        graph = to_integer(small, self.x)
        nonzero = sum(node.nonzero for node in graph.mac_nodes)
        drop = 100 * (self.before - float((reference_classes(graph, self.x) == self.wanted).mean()))
        return _Tried(graph, sparsity, 1 - nonzero / weights, rate, nonzero, weights, drop)

    def priced(self, found: _Tried, rate: float | None, max_drop: float, progress: Progress) -> Compression:
        """``found``, or the same with clusters that pay for bits where that is within ``max_drop`` and stores less."""
        from tinybayes.compress import han_sizes  # brings torch along

        before_bytes = _flash_bytes(found.graph)
        best, best_bytes = found, before_bytes
        for price in _RATES if rate is None else (rate,) if rate > 0 else ():
            tried = self.at(found.asked, price)
            if tried.drop_points <= max_drop:
                size_bytes = _flash_bytes(tried.graph)
                if size_bytes < best_bytes:
                    best, best_bytes = tried, size_bytes
            elif rate is not None:
                raise LimitError(
                    f"at --rate {rate} the network loses {tried.drop_points:.2f} points on the calibration data, more "
                    f"than the {max_drop:g} of --max-drop. Ask for less, or leave --rate out to have it chosen"
                )
        sizes = han_sizes(best.graph).values()
        how = {"sparsity": round(best.reached, 6), "levels": self.levels, "rate": best.rate}
        graph = best.graph.with_facts(compressed=how if self.blocks is None else {**how, "blocks": str(self.blocks)})
        progress(_SEARCH_STEPS + 1, _SEARCH_STEPS + 1)
        return Compression(
            graph=graph,
            sparsity=best.reached,
            levels=self.levels,
            nonzero=best.nonzero,
            weights=best.weights,
            drop_points=best.drop_points,
            labelled=self.labelled,
            rate=best.rate,
            weights_bytes=best_bytes,
            without_rate_bytes=before_bytes,
            han_bytes=-(-sum(size.fixed_bits for size in sizes) // 8),
            han_huffman_bytes=-(-sum(size.huffman_bits for size in sizes) // 8),
        )


def _flash_bytes(graph: Graph) -> int:
    return plan_in_best_order(graph, "flash", _CORE, NO_LIMITS).weights_bytes


def _float_classes(graph: Graph, x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    chunks = (x[start : start + _CHUNK_SAMPLES] for start in range(0, len(x), _CHUNK_SAMPLES))
    outputs = [execute(graph, scaled_input(graph, chunk))[graph.output] for chunk in chunks]
    return np.concatenate([chosen_classes(output, graph.class_scores) for output in outputs])
