"""Real values that calibration data puts into each tensor, and the clipping that costs least."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinybayes.errors import UserError
from tinybayes.ir import Graph, Recurrent
from tinybayes.reference import execute, scaled_input
from tinybayes.reference.recurrent import Reach, reach

Array = npt.NDArray[np.float64]

_BINS = 4096
_BATCH = 64
_CANDIDATES = np.linspace(0.2, 1.0, 81)


@dataclass(eq=False)
class Histogram:
    """Counts of |x| in equal bins over [0, limit]; exact zeros are not counted: every grid holds them."""

    counts: Array
    limit: float = 0.0
    largest: float = 0.0

    def add(self, values: npt.NDArray[np.float32]) -> None:
        """Counts ``values``; the range doubles until it holds them, pairs of bins merging."""
        magnitude = np.abs(values[values != 0]).astype(np.float64)
        if magnitude.size == 0:
            return
        self.largest = max(self.largest, float(magnitude.max()))
        if self.limit == 0.0:
            self.limit = self.largest
        while self.limit < self.largest:
            self.counts = np.concatenate([self.counts.reshape(-1, 2).sum(axis=1), np.zeros(_BINS // 2)])
            self.limit *= 2
        self.counts += np.histogram(magnitude, bins=_BINS, range=(0.0, self.limit))[0]

    def clip(self, codes: int) -> float:
        """The bound c for which a grid of ``codes`` steps over [0, c] has the least mean squared error.

        Inside, rounding costs step^2 / 12; outside, clipping costs (x - c)^2 (Banner et al., NeurIPS 2019, section 3).
        """
        centres = (np.arange(_BINS) + 0.5) * (self.limit / _BINS)
        bounds = _CANDIDATES * self.largest
        errors = [
            float(self.counts @ np.where(centres > bound, (centres - bound) ** 2, (bound / codes) ** 2 / 12))
            for bound in bounds
        ]
        return float(bounds[int(np.argmin(errors))])


@dataclass(frozen=True, eq=False)
class Statistics:
    """What calibration found: the histograms asked for, and the peaks of each channel (max x and max -x, or 0).

    ``reaches`` has, by name, the largest magnitudes inside each recurrent operator.
    """

    histograms: dict[str, Histogram]
    peaks: dict[str, tuple[Array, Array]]
    reaches: dict[str, Reach]


def check_calibration(graph: Graph, calibration: object) -> npt.NDArray[np.float32]:
    """``calibration`` as float32 (samples, *torch input shape); raises UserError that says what was got and wanted."""
    wanted = f"floating-point numbers of shape (samples, {', '.join(map(str, graph.torch_input_shape))})"
    if calibration is None:
        raise UserError(
            f"no calibration data: 8-bit scales are chosen from it; give some hundred typical inputs, {wanted}"
        )
    data = np.asarray(calibration)
    if data.dtype.kind != "f":
        raise UserError(f"calibration data: got {data.dtype} of shape {data.shape}; wanted {wanted}")
    if data.shape[1:] != graph.torch_input_shape or data.ndim == 0 or data.shape[0] == 0:
        raise UserError(f"calibration data: got shape {data.shape}; wanted {wanted}, at least one sample")
    with np.errstate(over="ignore"):
        real = data.astype(np.float32)
    if not np.isfinite(real).all():
        bad = int(np.count_nonzero(~np.isfinite(real).reshape(len(real), -1).all(axis=1)))
        raise UserError(
            f"calibration data: {bad} of {len(real)} samples hold NaN or infinity; wanted finite numbers: drop them"
        )
    return real


def calibrate(
    graph: Graph,
    calibration: npt.NDArray[np.float32],
    histograms: Mapping[str, Sequence[str]],
    peaks: Iterable[str],
    progress: Callable[[int, int], None] | None = None,
) -> Statistics:
    """Runs the float network over ``calibration`` and collects statistics of the named tensors.

    ``histograms``: by a name for each, the tensors that are counted together; ``peaks``: tensors.
    ``progress`` is called with (samples done, samples). Raises UserError if an activation is not finite.
    """
    found = {name: Histogram(np.zeros(_BINS)) for name in histograms}
    channels = {
        name: (np.zeros(graph.tensors[name].channels), np.zeros(graph.tensors[name].channels)) for name in peaks
    }
    recurrent = [node for node in graph.nodes if isinstance(node, Recurrent)]
    reaches = {node.name: Reach(0.0, 0.0, 0.0) for node in recurrent}
    for start in range(0, len(calibration), _BATCH):
        with np.errstate(over="ignore", invalid="ignore"):
            values = execute(graph, scaled_input(graph, calibration[start : start + _BATCH]))
        for name, array in values.items():
            if not np.isfinite(array).all():
                raise UserError(
                    f"calibration: tensor {name!r} overflows to NaN or infinity; the network or the data is broken"
                )
        for name, histogram in found.items():
            for tensor in histograms[name]:
                histogram.add(values[tensor])
        for name, (high, low) in channels.items():
            flat = values[name].reshape(-1, high.size).astype(np.float64)
            np.maximum(high, flat.max(axis=0), out=high)
            np.maximum(low, -flat.min(axis=0), out=low)
        for node in recurrent:
            reaches[node.name] = reaches[node.name].joined(reach(node, values[node.input]))
        if progress is not None:
            progress(min(start + _BATCH, len(calibration)), len(calibration))
    return Statistics(found, channels, reaches)
