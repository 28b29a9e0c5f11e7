"""Which candidate is the best of a part of a network."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tinybayes.plan.candidates import Candidate

Objective = Literal["flash", "latency", "balanced"]

_Values = npt.NDArray[np.float64]


def _flash(size_bytes: _Values, cycles: _Values) -> _Values:
    cost: _Values = np.add(size_bytes, cycles / (1 + 2 * cycles.max()))
    return cost


def _latency(size_bytes: _Values, cycles: _Values) -> _Values:
    cost: _Values = np.add(cycles, size_bytes / (1 + 2 * size_bytes.max()))
    return cost


def _balanced(size_bytes: _Values, cycles: _Values) -> _Values:
    cost: _Values = np.multiply(size_bytes / max(1, size_bytes.min()), cycles / max(1, cycles.min()))
    return cost


_COSTS: dict[str, Callable[[_Values, _Values], _Values]] = {"flash": _flash, "latency": _latency, "balanced": _balanced}


def costs(objective: str, candidates: Sequence[Candidate]) -> _Values:
    """What the objective counts for each candidate of one part; costs of several parts add up.

    ``flash`` counts bytes, and cycles where bytes are equal; ``latency`` the other way round; ``balanced`` the product
    of both, each as a multiple of the least there is.
    """
    size_bytes = np.array([candidate.size_bytes for candidate in candidates], np.float64)
    cycles = np.array([candidate.estimated_cycles for candidate in candidates], np.float64)
    return _COSTS[objective](size_bytes, cycles)


def _best(objective: str) -> Callable[[Sequence[Candidate]], Candidate]:
    return lambda candidates: candidates[int(np.argmin(costs(objective, candidates)))]


OBJECTIVES: dict[str, Callable[[Sequence[Candidate]], Candidate]] = {name: _best(name) for name in _COSTS}
"""By name, what picks a part's candidate where nothing limits the whole."""
