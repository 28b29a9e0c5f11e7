"""The Pareto front of a network's plans: flash against latency, over all weight formats of all layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinybayes.ir import Graph, verify
from tinybayes.plan.candidates import Candidate, bytes_together, candidates_of, parts
from tinybayes.plan.core_class import DEFAULT_CORE, core_class
from tinybayes.plan.sharing import TableKey
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
        bytes_together(candidates),
        sum(candidate.estimated_cycles for candidate in candidates),
    )


def pareto_front(every: Sequence[Sequence[Candidate]]) -> list[Choice]:
    """All choices that no other beats in bytes and in cycles, from the smallest to the fastest.

    Bytes and cycles of parts add up, so the front of the first parts together with the next part's candidates holds
    all that the whole front needs: what is beaten among the first parts stays beaten whatever follows. Only a choice
    that stores no table which later parts could share is never better than one that stores it for as many bytes.
    """
    front: list[_Entry] = [_Entry(0, 0, frozenset(), ())]
    for number, part in enumerate(every):
        later = {key for following in every[number + 1 :] for candidate in following for key in candidate.tables}
        grown = []
        for entry in front:
            for candidate in part:
                stored = sum(size for key, size in candidate.tables.items() if key in entry.tables)
                grown.append(
                    _Entry(
                        entry.size_bytes + candidate.size_bytes - stored,
                        entry.cycles + candidate.estimated_cycles,
                        entry.tables.union(candidate.tables) & later,
                        (*entry.taken, candidate),
                    )
                )
        front = _unbeaten(grown)
    return [choice_of(entry.taken) for entry in front]


@dataclass(frozen=True)
class _Entry:
    size_bytes: int
    cycles: int
    tables: frozenset[TableKey]
    """Those stored already that later parts may share."""
    taken: tuple[Candidate, ...]


def _unbeaten(entries: Sequence[_Entry]) -> list[_Entry]:
    """Those that no other beats in bytes and cycles with all of their tables, from the smallest to the fastest."""
    front: list[_Entry] = []
    fewest: dict[frozenset[TableKey], int] = {}
    for entry in sorted(entries, key=lambda one: (one.size_bytes, one.cycles)):
        if all(entry.cycles < cycles for tables, cycles in fewest.items() if tables >= entry.tables):
            fewest[entry.tables] = entry.cycles
            front.append(entry)
    return front


def spread(sizes_bytes: Sequence[int], most: int) -> list[int]:
    """Places of at most ``most`` ascending sizes: the ends, and those nearest to even steps of log bytes between."""
    if len(sizes_bytes) <= most:
        return list(range(len(sizes_bytes)))
    sizes = np.log([max(1, size) for size in sizes_bytes])
    wanted = np.linspace(sizes[0], sizes[-1], most)
    return sorted({int(np.abs(sizes - want).argmin()) for want in wanted} | {0, len(sizes) - 1})
