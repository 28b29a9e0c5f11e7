"""Picks one candidate for each part of a network: least of what the objective counts, within the limits there are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from tinybayes.errors import InternalError, LimitError
from tinybayes.plan.candidates import Candidate
from tinybayes.plan.objective import OBJECTIVES, costs

_INFEASIBLE = 2


@dataclass(frozen=True)
class Limits:
    """The most that a network may take: bytes of flash for constants, bytes of RAM, estimated cycles.

    RAM is shared by the arena and by ``buffers_bytes`` of the firmware. ``latency`` says what the cycles come from, for
    people. None is no limit.
    """

    flash_bytes: int | None = None
    ram_bytes: int | None = None
    cycles: int | None = None
    latency: str = ""
    buffers_bytes: int = 0

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return (self.flash_bytes, self.ram_bytes, self.cycles) != (None, None, None)


def choose(every: Sequence[Sequence[Candidate]], objective: str, limits: Limits) -> list[Candidate]:
    """One candidate of each part, the best by ``objective`` of all combinations within ``limits``.

    Without limits each part is on its own. Raises LimitError, naming the limits, the best value of each that any plan
    attains, and the layer that costs most, where no combination keeps them.
    """
    if not limits.any:
        return [OBJECTIVES[objective](candidates) for candidates in every]
    room_bytes = None if limits.ram_bytes is None else limits.ram_bytes - limits.buffers_bytes
    fitting = [[c for c in part if room_bytes is None or c.peak_bytes <= room_bytes] for part in every]
    if not all(fitting):
        raise LimitError(_infeasible(every, limits))
    flat = [candidate for part in fitting for candidate in part]
    one_of_each = np.zeros((len(fitting), len(flat)))
    start = 0
    for row, part in zip(one_of_each, fitting, strict=True):
        row[start : start + len(part)] = 1
        start += len(part)
    rules = [LinearConstraint(one_of_each, 1, 1)]
    for most, value in ((limits.flash_bytes, _flash), (limits.cycles, _cycles)):
        if most is not None:
            rules.append(LinearConstraint(np.array([[value(candidate) for candidate in flat]], float), -np.inf, most))
    cost = np.concatenate([costs(objective, part) for part in fitting])
    solved = milp(cost, constraints=rules, integrality=np.ones(len(flat)), bounds=Bounds(0, 1))
    if solved.status == _INFEASIBLE:
        raise LimitError(_infeasible(every, limits))
    if solved.x is None:
        raise InternalError(f"no plan was found: {solved.message}")
    return [candidate for candidate, share in zip(flat, solved.x, strict=True) if share > 0.5]


def _flash(candidate: Candidate) -> int:
    return candidate.size_bytes


def _ram(candidate: Candidate) -> int:
    return candidate.peak_bytes


def _cycles(candidate: Candidate) -> int:
    return candidate.estimated_cycles


def _infeasible(every: Sequence[Sequence[Candidate]], limits: Limits) -> str:
    """What binds: the limits, what each could be at best on its own, and where most of that goes."""
    told, binds = [], []
    kinds: tuple[tuple[str, str, int | None, int, Callable[[Candidate], int], Callable[[Sequence[int]], int]], ...] = (
        ("--max-flash", "bytes of weights", limits.flash_bytes, 0, _flash, sum),
        ("--max-ram", "bytes of arena", limits.ram_bytes, limits.buffers_bytes, _ram, max),
        (f"--max-latency{limits.latency}", "estimated cycles", limits.cycles, 0, _cycles, sum),
    )
    for option, unit, most, beside, value, together in kinds:
        best = [min(map(value, candidates)) for candidates in every]
        total, worst = together(best), int(np.argmax(best))
        name = every[worst][0].steps[-1].name
        text = f"at best {total} {unit} are attained (layer {name!r} takes most, {best[worst]})"
        if most is not None and total + beside > most:
            binds.append(option)
            buffers = f", which with {beside} bytes of buffers is" if beside else ","
            text += f"{buffers} {total + beside - most} more than the {most} of {option}"
        elif most is not None:
            text += f"; {option} allows {most}"
        told.append(text)
    which = " and ".join(binds) if binds else "the limits together"
    return f"no plan keeps within the limits: {which} cannot be met. Each on its own, " + "; ".join(told) + "."
