"""What one inference executed, step by step: the common ground of emulation, static execution and cycle models.

A trace says nothing of time. It is the same for every run of a network, since no branch of its code depends on data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


def _empty() -> Mapping[int, int]:
    return MappingProxyType({})


@dataclass(frozen=True)
class StepTrace:
    """What was executed for one step, or for the function that calls the steps.

    ``executed`` maps the address of an instruction (Thumb bit cleared) to how often it was executed; an instruction
    whose condition did not hold counts too. ``edges`` maps (address of a branch, or whatever else wrote the program
    counter; address that it went to) to how often it did. A branch that was not taken, and any other instruction that
    the next one in memory followed, is no edge: sequential flow is implied by ``executed``.

    ``flash_load_bytes`` maps the address of an instruction to how many bytes of data it loaded from what the image
    holds in flash. ``loads`` and ``stores`` are accesses to any memory, of which a transfer of several registers makes
    one for each register, and one of a vector one for each element.

    What a step calls counts for the step; an edge counts for the step that its source counted for.
    """

    executed: Mapping[int, int] = field(default_factory=_empty)
    edges: Mapping[tuple[int, int], int] = field(default_factory=lambda: MappingProxyType({}))
    flash_load_bytes: Mapping[int, int] = field(default_factory=_empty)
    loads: int = 0
    stores: int = 0

    @property
    def instructions(self) -> int:
        """How many instructions were executed."""
        return sum(self.executed.values())

    def taken(self, address: int) -> int:
        """How often the instruction at ``address`` transferred control to other than the next instruction."""
        return sum(count for (source, _), count in self.edges.items() if source == address)


@dataclass(frozen=True)
class Trace:
    """One inference, from the first instruction of the function that calls the steps to its return.

    ``steps`` is by step number; a function that several steps call is split among them. ``entry`` is the rest: the
    instructions of the function that calls the steps.
    """

    steps: Mapping[int, StepTrace]
    entry: StepTrace

    @property
    def instructions(self) -> int:
        """How many instructions were executed: the entry's and those of all steps."""
        return self.entry.instructions + sum(step.instructions for step in self.steps.values())

    def parts(self) -> Iterable[tuple[int | None, StepTrace]]:
        """The entry, under None, and then each step under its number."""
        yield None, self.entry
        yield from self.steps.items()
