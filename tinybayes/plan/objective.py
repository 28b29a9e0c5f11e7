"""Which candidate each part of a network gets."""

from collections.abc import Callable, Sequence
from typing import Literal

from tinybayes.plan.candidates import Candidate

Objective = Literal["flash", "latency", "balanced"]


def _flash(candidates: Sequence[Candidate]) -> Candidate:
    return min(candidates, key=lambda c: (c.size_bytes, c.estimated_cycles))


def _latency(candidates: Sequence[Candidate]) -> Candidate:
    return min(candidates, key=lambda c: (c.estimated_cycles, c.size_bytes))


def _balanced(candidates: Sequence[Candidate]) -> Candidate:
    fewest_bytes = max(1, min(c.size_bytes for c in candidates))
    fewest_cycles = max(1, min(c.estimated_cycles for c in candidates))

    def excess(candidate: Candidate) -> float:
        return candidate.size_bytes / fewest_bytes * candidate.estimated_cycles / fewest_cycles

    return min(candidates, key=excess)


OBJECTIVES: dict[str, Callable[[Sequence[Candidate]], Candidate]] = {
    "flash": _flash,
    "latency": _latency,
    "balanced": _balanced,
}
