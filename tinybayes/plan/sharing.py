"""Constants of operators without weights that are the same in several steps are stored once."""

from collections.abc import Iterable
from dataclasses import replace

from tinybayes.plan.steps import Step


def with_shared_tables(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps; each whose tables equal those of a step before it reads those."""
    first: dict[tuple[tuple[str, str, bytes], ...], str] = {}
    found = []
    for step in steps:
        if step.encoding is not None and step.format is None:
            arrays = step.encoding.ordered_arrays
            key = tuple((array.name, array.c_type, array.values.tobytes()) for array in arrays)
            owner = first.setdefault(key, step.name)
            found.append(step if owner == step.name else replace(step, shares=owner))
        else:
            found.append(step)
    return tuple(found)
