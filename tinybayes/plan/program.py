"""The mixed-integer program that picks one candidate for each part of a network."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp

from tinybayes.errors import InternalError
from tinybayes.plan.candidates import Candidate
from tinybayes.plan.code_sizes import CodeSizes

_INFEASIBLE = 2

_Values = npt.NDArray[np.float64]


@dataclass
class Program:
    """Which candidates of ``every`` part may be taken together, and what they cost.

    A binary variable stands for each candidate, and one for each table that candidates of several parts share: it is
    stored where any of them is taken. ``excluded`` grows: bytes of RAM, and candidates by their place in ``flat`` that
    need more if one is taken in each of their parts.
    """

    every: Sequence[Sequence[Candidate]]
    code: CodeSizes
    flat: list[Candidate] = field(init=False)
    part_of: list[int] = field(init=False)
    excluded: list[tuple[int, list[int]]] = field(default_factory=list)
    _shared: dict[Hashable, tuple[int, list[int]]] = field(init=False)

    def __post_init__(self) -> None:
        self.flat = [candidate for part in self.every for candidate in part]
        self.part_of = [number for number, part in enumerate(self.every) for _ in part]
        self._shared = {}
        for place, candidate in enumerate(self.flat):
            for key, size_bytes in candidate.tables.items():
                self._shared.setdefault(key, (size_bytes, []))[1].append(place)

    @property
    def may_share(self) -> bool:
        """Whether it is a choice to share a table: candidates of several parts hold it, and others of them do not."""
        for _, places in self._shared.values():
            parts = {self.part_of[place] for place in places}
            if len(parts) > 1 and len(places) < sum(len(self.every[part]) for part in parts):
                return True
        return False

    @property
    def size_bytes(self) -> _Values:
        """Bytes of flash that each variable stands for: a candidate's own, with its code, then those of each table."""
        alone = [
            candidate.size_bytes + sum(map(self.code.of, candidate.steps)) - sum(candidate.tables.values())
            for candidate in self.flat
        ]
        return np.array([*alone, *(size_bytes for size_bytes, _ in self._shared.values())], np.float64)

    @property
    def cycles(self) -> _Values:
        """Estimated cycles of each variable."""
        return self.costs([candidate.estimated_cycles for candidate in self.flat])

    def costs(self, of_candidates: Sequence[float] | _Values) -> _Values:
        """A cost of each candidate as one of each variable: tables cost nothing."""
        return np.concatenate([np.asarray(of_candidates, np.float64), np.zeros(len(self._shared))])

    def exclude(self, places: Sequence[int], room_bytes: int) -> None:
        """Within ``room_bytes`` of RAM, never one of ``places`` in each of the parts that they are of."""
        self.excluded.append((room_bytes, list(places)))

    def solve(
        self,
        cost: _Values,
        flash_bytes: int | None = None,
        cycles: int | None = None,
        room_bytes: int | None = None,
    ) -> list[Candidate] | None:
        """A candidate of each part, together the least in ``cost`` within the limits; None where there are none.

        ``room_bytes`` leaves out what :meth:`exclude` was told of, and that only.
        """
        columns = len(self.flat) + len(self._shared)
        one_of_each = np.zeros((len(self.every), columns))
        one_of_each[self.part_of, np.arange(len(self.flat))] = 1
        rows: list[_Values] = []
        most: list[float] = []
        for limit, values in ((flash_bytes, self.size_bytes), (cycles, self.cycles)):
            if limit is not None:
                rows.append(values)
                most.append(limit)
        for needed_bytes, places in self.excluded:
            if room_bytes is not None and needed_bytes >= room_bytes:
                rows.append(np.zeros(columns))
                rows[-1][places] = 1
                most.append(len({self.part_of[place] for place in places}) - 1)
        for column, (_, places) in enumerate(self._shared.values(), start=len(self.flat)):
            for place in places:
                rows.append(np.zeros(columns))
                rows[-1][[place, column]] = 1, -1
                most.append(0)
        rules = [LinearConstraint(one_of_each, 1, 1)]
        if rows:
            rules.append(LinearConstraint(np.array(rows), -np.inf, most))
        # The solver would otherwise stop within 1/10,000 of the least.
        solved = milp(cost, constraints=rules, integrality=np.ones(columns), bounds=Bounds(0, 1),
                      options={"mip_rel_gap": 0.0})  # fmt: skip
        if solved.status == _INFEASIBLE:
            return None
        if solved.x is None:
            raise InternalError(f"no plan was found: {solved.message}")
        return [candidate for candidate, share in zip(self.flat, solved.x, strict=False) if share > 0.5]
