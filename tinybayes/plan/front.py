"""The Pareto front of a network's plans: flash against latency, over all weight formats of all layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinybayes.ir import Graph, verify
from tinybayes.plan.candidates import Candidate, candidates_of, parts
from tinybayes.plan.core_class import DEFAULT_CORE, core_class
from tinybayes.plan.steps import lower


@dataclass(frozen=True)
class Choice:
    """Weight formats by name of the step, with exact bytes of constants and estimated cycles."""

    formats: Mapping[str, str | None]
    weights_bytes: int
    estimated_cycles: int


def every_candidate(graph: Graph, core: str = DEFAULT_CORE) -> list[list[Candidate]]:
    """The candidates of each part of an integer graph on ``core``."""
    return [candidates_of(part, core_class(core), graph.input) for part in parts(lower(verify(graph)))]


def choice_of(candidates: Sequence[Candidate]) -> Choice:
    """What the candidates, one of each part, cost together."""
    return Choice(
        {name: weight_format for candidate in candidates for name, weight_format in candidate.formats},
        sum(candidate.size_bytes for candidate in candidates),
        sum(candidate.estimated_cycles for candidate in candidates),
    )


def pareto_front(every: Sequence[Sequence[Candidate]]) -> list[Choice]:
    """All choices that no other beats in bytes and in cycles, from the smallest to the fastest.

    Bytes and cycles of parts add up, so the front of the first parts together with the next part's candidates holds
    all that the whole front needs: what is beaten among the first parts stays beaten whatever follows.
    """
    front: list[tuple[int, int, tuple[Candidate, ...]]] = [(0, 0, ())]
    for part in every:
        grown = [
            (size + candidate.size_bytes, cycles + candidate.estimated_cycles, (*taken, candidate))
            for size, cycles, taken in front
            for candidate in part
        ]
        front = []
        for entry in sorted(grown, key=lambda one: one[:2]):
            if not front or entry[1] < front[-1][1]:
                front.append(entry)
    return [choice_of(taken) for _, _, taken in front]


def spread(sizes_bytes: Sequence[int], most: int) -> list[int]:
    """Places of at most ``most`` ascending sizes: the ends, and those nearest to even steps of log bytes between."""
    if len(sizes_bytes) <= most:
        return list(range(len(sizes_bytes)))
    sizes = np.log([max(1, size) for size in sizes_bytes])
    wanted = np.linspace(sizes[0], sizes[-1], most)
    return sorted({int(np.abs(sizes - want).argmin()) for want in wanted} | {0, len(sizes) - 1})
