"""The Pareto front against all combinations, and how it is thinned."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.networks import Builder
from tinybayes.plan import make_plan
from tinybayes.plan.front import every_candidate, pareto_front, spread


@dataclass(frozen=True)
class Priced:
    """A candidate as far as the front looks at it."""

    size_bytes: int
    estimated_cycles: int
    formats: tuple[tuple[str, str | None], ...] = ()
    tables: Mapping[str, int] = field(default_factory=dict)


prices = st.lists(st.builds(Priced, st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4)


@given(st.lists(prices, max_size=4))
def test_it_holds_all_combinations_that_no_other_beats(every: list[list[Priced]]) -> None:
    totals = {
        (sum(one.size_bytes for one in taken), sum(one.estimated_cycles for one in taken)) for taken in product(*every)
    }
    best = {
        (size, cycles)
        for size, cycles in totals
        if not any(s <= size and c <= cycles and (s, c) != (size, cycles) for s, c in totals)
    }
    found = [(choice.weights_bytes, choice.estimated_cycles) for choice in pareto_front(every)]
    assert found == sorted(best)


def test_its_ends_are_the_plans_of_both_objectives() -> None:
    chain = Builder(np.random.default_rng(0), (200,), density=0.2, levels=15)
    graph = chain.linear(40, "uint8").linear(12).graph()
    front = pareto_front(every_candidate(graph, "cortex-m4"))
    small, fast = (make_plan(graph, objective, "cortex-m4") for objective in ("flash", "latency"))
    assert front[0].weights_bytes == small.weights_bytes
    assert front[-1].estimated_cycles == sum(step.estimated_cycles for step in fast.steps)
    for choice in front:
        plan = make_plan(graph, "balanced", "cortex-m4", choice.formats)
        assert plan.weights_bytes == choice.weights_bytes


def test_a_thinned_front_keeps_its_ends() -> None:
    sizes_bytes = range(1, 100)
    assert [sizes_bytes[place] for place in spread(sizes_bytes, 5)] == [1, 3, 10, 31, 99]
    assert spread(sizes_bytes[:3], 5) == [0, 1, 2]
