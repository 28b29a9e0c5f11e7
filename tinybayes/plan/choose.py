"""Picks one candidate for each part of a network: least of what the objective counts, within the limits there are."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tinybayes.errors import InternalError, LimitError
from tinybayes.plan.candidates import Candidate, bytes_together
from tinybayes.plan.code_sizes import CodeSizes
from tinybayes.plan.memory import Memory, bytes_alone, treatment
from tinybayes.plan.objective import OBJECTIVES, costs
from tinybayes.plan.program import Program
from tinybayes.plan.sharing import with_shared_tables

_MOST_ROUNDS = 400
"""So often the program is solved without those plans that took too much RAM; one round excludes many of them."""
_MOST_PLACEMENTS = 20
"""So often no step alone needs too much RAM but the arena has gaps; then every step must leave room for such a gap."""


@dataclass(frozen=True)
class Limits:
    """The most that a network may take: bytes of flash for constants, bytes of RAM, estimated cycles.

    With ``code``, flash is for the code of layers too, which it knows the sizes of. RAM is shared by the arena and by
    ``buffers_bytes`` of what ``beside`` calls it. ``latency`` says what the cycles come from, for people. None is no
    limit.
    """

    flash_bytes: int | None = None
    ram_bytes: int | None = None
    cycles: int | None = None
    latency: str = ""
    buffers_bytes: int = 0
    code: CodeSizes | None = None
    beside: str = "buffers"

    @property
    def any(self) -> bool:
        """Whether candidates of different parts depend on each other."""
        return (self.flash_bytes, self.ram_bytes, self.cycles, self.code) != (None, None, None, None)


def choose(every: Sequence[Sequence[Candidate]], objective: str, limits: Limits) -> list[Candidate]:
    """One candidate of each part, the best by ``objective`` of all combinations within ``limits``.

    Without limits each part is on its own, unless it is about bytes that parts may share. Raises LimitError, naming
    the limits, the best value of each that any plan attains, and the layer that costs most in the plan that attains
    it, where no combination keeps them.
    """
    search = _Search(every, limits.code)
    program = search.program
    if not limits.any and not (objective == "flash" and program.may_share):
        return [OBJECTIVES[objective](candidates) for candidates in every]
    cost = program.costs(np.concatenate([costs(objective, part) for part in every]))
    if objective == "flash":
        cost += program.size_bytes - program.costs([candidate.size_bytes for candidate in program.flat])
    chosen = search.least(cost, limits)
    if chosen is None:
        raise LimitError(_infeasible(search, limits))
    return chosen


class _Search:
    """Plans of least cost, with what was learned about the RAM of those tried before."""

    def __init__(self, every: Sequence[Sequence[Candidate]], code: CodeSizes | None) -> None:
        self.program = Program(every, code or CodeSizes())
        self._alike: dict[tuple[int, Hashable], list[int]] = {}
        self._treatments: dict[int, Hashable] = {}

    def least(self, cost: npt.NDArray[np.float64], limits: Limits) -> list[Candidate] | None:
        """The plan of least ``cost``: solved without RAM first, then without whatever was found to take too much.

        None where there is none, or where none was found in so many rounds.
        """
        room_bytes = None if limits.ram_bytes is None else limits.ram_bytes - limits.buffers_bytes
        placements = 0
        for _ in range(_MOST_ROUNDS):
            chosen = self.program.solve(cost, limits.flash_bytes, limits.cycles, room_bytes)
            if chosen is None or limits.ram_bytes is None or room_bytes is None:
                return chosen
            memory = Memory(chosen)
            beyond = memory.parts_beyond(room_bytes)
            if not beyond:
                excess_bytes = memory.arena_bytes + limits.buffers_bytes - limits.ram_bytes
                if excess_bytes <= 0:
                    return chosen
                beyond = [tuple(range(len(chosen)))]
                placements += 1
                if placements > _MOST_PLACEMENTS:
                    room_bytes -= excess_bytes
            for parts in beyond:
                places = [place for part in parts for place in self._like(part, chosen[part])]
                self.program.exclude(places, room_bytes)
        return None

    def smallest(self, limits: Limits) -> list[Candidate] | None:
        """The plan of the smallest arena within ``limits`` that was found: ever less room, until nothing fits."""
        cost = self.program.costs([bytes_alone(candidate) for candidate in self.program.flat])
        found: list[Candidate] | None = None
        limits = replace(limits, ram_bytes=None, buffers_bytes=0)
        while (plan := self.least(cost, limits)) is not None:
            found = plan
            limits = replace(limits, ram_bytes=Memory(found).arena_bytes - 1)
        return found

    def _like(self, part: int, chosen: Candidate) -> list[int]:
        """The candidates of a part, by their place, that use memory as ``chosen`` does."""
        if not self._alike:
            for place, (candidate, of) in enumerate(zip(self.program.flat, self.program.part_of, strict=True)):
                self._treatments[id(candidate)] = treatment(candidate)
                self._alike.setdefault((of, self._treatments[id(candidate)]), []).append(place)
        return self._alike[part, self._treatments[id(chosen)]]


_Value = Callable[[Sequence[Candidate]], "_Attained"]


@dataclass(frozen=True)
class _Attained:
    """The best value of one limit: what it is, and the layer that takes most of it."""

    value: int
    layer: str
    layer_value: int


def _flash(chosen: Sequence[Candidate]) -> _Attained:
    steps = with_shared_tables(step for candidate in chosen for step in candidate.steps)
    worst = max(steps, key=lambda step: step.weights_bytes)
    return _Attained(bytes_together(chosen), worst.name, worst.weights_bytes)


def _ram(chosen: Sequence[Candidate]) -> _Attained:
    memory = Memory(chosen)
    step, held_bytes = memory.fullest
    return _Attained(memory.arena_bytes, step.name, held_bytes)


def _cycles(chosen: Sequence[Candidate]) -> _Attained:
    worst = max(chosen, key=lambda candidate: candidate.estimated_cycles)
    return _Attained(sum(c.estimated_cycles for c in chosen), worst.steps[-1].name, worst.estimated_cycles)


def _infeasible(search: _Search, limits: Limits) -> str:
    """What binds: the limits, what each could be at best on its own, and where most of that goes."""
    program = search.program
    told, binds, against = [], [], []
    kinds: tuple[tuple[str, str, int | None, Limits, Callable[[Limits], list[Candidate] | None], _Value], ...] = (
        ("--max-flash", "bytes of weights", limits.flash_bytes, replace(limits, flash_bytes=None),
         lambda within: search.least(program.size_bytes, within), _flash),
        ("--max-ram", "bytes of arena", limits.ram_bytes, replace(limits, ram_bytes=None), search.smallest, _ram),
        (f"--max-latency{limits.latency}", "estimated cycles", limits.cycles, replace(limits, cycles=None),
         lambda within: search.least(program.cycles, within), _cycles),
    )  # fmt: skip
    for option, unit, most, others, best, value in kinds:
        plan = best(Limits())
        if plan is None:
            raise InternalError("no plan was found without any limit")
        attained = value(plan)
        beside = limits.buffers_bytes if value is _ram else 0
        total = attained.value + beside
        text = f"at best {attained.value} {unit} are attained (layer {attained.layer!r} takes most, "
        text += f"{attained.layer_value})"
        if most is not None and total > most:
            binds.append(option)
            buffers = f", which with {beside} bytes of {limits.beside} is" if beside else ","
            text += f"{buffers} {total - most} more than the {most} of {option}"
        elif most is not None:
            text += f"; {option} allows {most}"
            if others.any and (joint := best(others)) is not None:
                against.append(f"{option} {value(joint).value + beside}")
        told.append(text)
    which = " and ".join(binds) if binds else "the limits together"
    text = f"no plan keeps within the limits: {which} cannot be met. Each on its own, " + "; ".join(told) + "."
    if not binds and against:
        text += f" Within the other limits, this could be met: {' or '.join(against)}."
    return text
