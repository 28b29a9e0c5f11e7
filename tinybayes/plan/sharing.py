"""Constants of operators without weights that are the same in several steps are stored once."""

from collections.abc import Iterable
from dataclasses import replace

from tinybayes.plan.steps import Step

TableKey = tuple[tuple[str, str, bytes], ...]
"""Name, type and bytes of each array of a step's constants: steps of the same key can read the same."""


def table_key(step: Step) -> TableKey | None:
    """What the constants of ``step`` are, or None where no other step can share them."""
    if step.encoding is None or step.format is not None:
        return None
    arrays = step.encoding.ordered_arrays
    return tuple((array.name, array.c_type, array.values.tobytes()) for array in arrays)


def with_shared_tables(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps; each whose tables equal those of a step before it reads those."""
    first: dict[TableKey, str] = {}
    found = []
    for step in steps:
        key = table_key(step)
        owner = first.setdefault(key, step.name) if key is not None else step.name
        found.append(step if owner == step.name else replace(step, shares=owner))
    return tuple(found)
