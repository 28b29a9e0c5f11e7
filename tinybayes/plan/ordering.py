"""Looks for orders of hidden channels in which the layers around them take fewer bytes or cycles."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from tinybayes.errors import LimitError
from tinybayes.ir import Graph, MacNode
from tinybayes.passes.order_channels import Link, Order, links, order_channels
from tinybayes.plan.candidates import candidates_of, parts
from tinybayes.plan.choose import Limits
from tinybayes.plan.core_class import CoreClass, core_class
from tinybayes.plan.front import Choice, every_candidate, pareto_front
from tinybayes.plan.objective import OBJECTIVES
from tinybayes.plan.plan import Plan, make_plan
from tinybayes.plan.steps import lower

BLOCK_CHANNELS = 4
_MOST_WORK = 2e9
"""Channels, times channels, times places: where more would be compared, no order is looked for."""
_MOST_NONZEROS = 100_000
"""Trying an order encodes two layers in every format, so the search keeps to layers of fewer nonzeros."""

_Mask = npt.NDArray[np.bool_]
_LESS: dict[str, Callable[[int, int], float]] = {
    "flash": lambda size_bytes, cycles: size_bytes + cycles / 2**40,
    "latency": lambda size_bytes, cycles: cycles + size_bytes / 2**40,
    "balanced": lambda size_bytes, cycles: size_bytes * cycles,
}
"""By objective, what two layers together should be least in."""


def ordered(graph: Graph, objective: str, core: str) -> Graph:
    """``graph`` with its hidden channels in the best orders found; the same graph where none is better.

    Each link is taken once, front to back, and each of its orders is tried: exact bytes and estimated cycles decide.
    """
    for place in range(sum(1 for _ in links(graph))):
        link = list(links(graph))[place]
        if max(link.layer.nonzero, link.reader.nonzero) > _MOST_NONZEROS:
            continue
        least = _cost(graph, link, objective, core_class(core))
        best = graph
        for order in orders(link):
            tried = order_channels(graph, link, order)
            cost = _cost(tried, link, objective, core_class(core))
            if cost < least:
                best, least = tried, cost
        graph = best
    return graph


def plan_in_best_order(graph: Graph, objective: str, core: str, limits: Limits) -> Plan:
    """The plan of ``graph`` or of the same network with its hidden channels reordered, whichever costs less.

    Raises LimitError as :func:`tinybayes.plan.plan.make_plan` does, where neither is within ``limits``.
    """
    moved = ordered(graph, objective, core) if objective in OBJECTIVES else graph
    if moved is graph:
        return make_plan(graph, objective, core, limits=limits)
    try:
        plan = make_plan(moved, objective, core, limits=limits)
    except LimitError:
        return make_plan(graph, objective, core, limits=limits)
    try:
        plain = make_plan(graph, objective, core, limits=limits)
    except LimitError:
        return plan
    return min(plain, plan, key=lambda one: _total(one, objective))


def _total(plan: Plan, objective: str) -> float:
    return _LESS[objective](plan.weights_bytes, sum(step.estimated_cycles for step in plan.steps))


def front_in_best_orders(graph: Graph, core: str) -> list[tuple[Graph, Choice]]:
    """What ``compile`` could make of ``graph``: all choices that no other beats, each with the network it is for.

    The network is taken as it is and in the order found for each objective. Whatever is here is what an objective
    comes to within the bytes, or the cycles, of the choice.
    """
    networks = {id(network): network for network in (graph, *(ordered(graph, name, core) for name in OBJECTIVES))}
    every = [
        (network, choice) for network in networks.values() for choice in pareto_front(every_candidate(network, core))
    ]
    front: list[tuple[Graph, Choice]] = []
    for network, choice in sorted(every, key=lambda one: (one[1].weights_bytes, one[1].estimated_cycles)):
        if not front or choice.estimated_cycles < front[-1][1].estimated_cycles:
            front.append((network, choice))
    return front


def orders(link: Link) -> Iterator[Order]:
    """Orders worth trying: alike channels side by side, as they are read or as they are made; most read first."""
    reads, writes = link.reads, link.writes
    for mask in (reads, writes):
        if float(mask.shape[0]) ** 2 * mask.shape[1] <= _MOST_WORK:
            yield alike(mask, BLOCK_CHANNELS)
    yield np.argsort(-reads.sum(axis=1), kind="stable")


def alike(mask: _Mask, size: int) -> Order:
    """Rows of ``mask`` in groups of ``size`` that are true at the same places, each group next to one that it is like.

    Greedy: a group begins with the row most like the group before (first, the fullest one) and takes the rows that add
    the fewest places, those that share most first.
    """
    rows = mask.astype(np.float32)
    counts = rows.sum(axis=1)
    left = np.ones(len(rows), bool)
    order: list[int] = []
    union = np.zeros(rows.shape[1], np.float32)
    while left.any():
        shared = rows @ union
        # Places that a row would add to the group, and those it leaves empty there: both are stored as zeros.
        waste = counts + union.sum() - 2 * shared
        score = np.where(left, waste - shared / (1 + union.sum()), np.inf) if order else np.where(left, -counts, np.inf)
        chosen = int(np.argmin(score))
        left[chosen] = False
        union = rows[chosen] if len(order) % size == 0 else np.maximum(union, rows[chosen])
        order.append(chosen)
    return np.array(order, np.intp)


def _cost(graph: Graph, link: Link, objective: str, core: CoreClass) -> float:
    """What the layers on both sides of a link cost in the formats that the objective would choose."""
    names = {link.layer.name, link.reader.name}
    size_bytes = cycles = 0
    for part in parts(lower(graph)):
        if names & {step.name for step in part if isinstance(step.node, MacNode)}:
            chosen = OBJECTIVES[objective](candidates_of(part, core, graph.input))
            size_bytes += chosen.size_bytes
            cycles += chosen.estimated_cycles
    return _LESS[objective](size_bytes, cycles)
