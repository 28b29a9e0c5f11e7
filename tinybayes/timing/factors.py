"""By how much a board's cycles differ from the model's: two factors, fitted to what the board measured."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from tinybayes.errors import DeviceError, InternalError

_FEWEST_LAYERS = 4
# Below this, the layers' shares of stalls are so alike that core and flash cannot be told apart.
_LEAST_CONDITION = 1e-3


@dataclass(frozen=True)
class Factors:
    """``cycles = core * model cycles + flash * model stalls``.

    ``flash`` is 1 where the model has no stalls to scale.
    """

    core: float = 1.0
    flash: float = 1.0

    def core_cycles(self, cycles: int) -> int:
        """The core's cycles as the board needs them."""
        return round(self.core * cycles)

    def stall_cycles(self, cycles: int) -> int:
        """What the core waits for flash, likewise."""
        return round(self.flash * cycles)


@dataclass(frozen=True)
class Fit:
    """Factors, the cycles that each measurement adds on its own, and the largest relative error of a layer."""

    factors: Factors
    overhead_cycles: float
    largest_error: float


def fit_factors(
    measured: npt.NDArray[np.float64], cycles: npt.NDArray[np.float64], stalls: npt.NDArray[np.float64]
) -> Fit:
    """The factors, none of them negative, whose sum over layers has the least squares of relative errors.

    All arrays are float64 (layers,), in cycles. A constant is fitted along, for what reading the counter and calling
    the layer takes.

    Raises DeviceError where the measurements cannot be those of the network: zeros, or far from any factors.
    """
    if not len(measured) == len(cycles) == len(stalls) or len(measured) < _FEWEST_LAYERS:
        raise InternalError(f"factors from {len(measured)} layers, wanted at least {_FEWEST_LAYERS} of one length")
    if np.any(measured <= 0):
        raise DeviceError("the device measured 0 cycles for a layer, so its cycle counter does not count")
    has_stalls = bool(np.any(stalls > 0))
    columns = [cycles, *([stalls] if has_stalls else []), np.ones_like(cycles)]
    # Relative errors, so that a large layer does not outweigh the others.
    system = np.stack(columns, axis=1) / measured[:, np.newaxis]
    scale = np.linalg.norm(system, axis=0)
    if np.linalg.svd(system / scale, compute_uv=False)[-1] < _LEAST_CONDITION:
        raise InternalError("the layers of the calibration network are too alike to tell the factors apart")
    solution, _ = nnls(system / scale, np.ones_like(measured))
    solution = solution / scale
    factors = Factors(float(solution[0]), float(solution[1]) if has_stalls else 1.0)
    error = float(np.max(np.abs(system @ solution - 1.0)))
    return Fit(factors, float(solution[-1]), error)
