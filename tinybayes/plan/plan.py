"""The plan: everything that is decided about a network before its code is written."""

from collections.abc import Mapping
from dataclasses import dataclass

from tinybayes.errors import LimitError, UserError, did_you_mean
from tinybayes.ir import Graph
from tinybayes.plan import arena, proof
from tinybayes.plan.arena import Buffer
from tinybayes.plan.candidates import pinned
from tinybayes.plan.choose import Limits, choose
from tinybayes.plan.core_class import DEFAULT_CORE, core_class
from tinybayes.plan.cost_unary import with_margin_cycles
from tinybayes.plan.front import every_candidate
from tinybayes.plan.layout import buffers_of, scratch_name
from tinybayes.plan.objective import OBJECTIVES
from tinybayes.plan.sharing import with_shared_tables
from tinybayes.plan.steps import Step, with_margins

NO_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Plan:
    """Steps in order, and where their tensors lie in the arena; ``core`` is what they are chosen for.

    Step ``k`` writes the buffer named after its tensor, and the last step writes the caller's output.
    """

    graph: Graph
    objective: str
    core: str
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    arena_is_smallest: bool
    """Whether it was proved that no arena for these buffers is smaller."""

    @property
    def arena_bytes(self) -> int:
        """Bytes of the arena; at least 1, so that it can be declared as an array."""
        return max(1, arena.arena_bytes(self.buffers))

    @property
    def weights_bytes(self) -> int:
        """Bytes of all constants that the network stores in flash."""
        return sum(step.weights_bytes for step in self.steps)

    def buffer(self, name: str) -> Buffer:
        """The buffer called ``name``."""
        return next(buffer for buffer in self.buffers if buffer.name == name)

    def scratch(self, step: Step) -> Buffer | None:
        """The scratch buffer of a step, if it has one."""
        return next((buffer for buffer in self.buffers if buffer.name == scratch_name(step)), None)


def make_plan(
    graph: Graph,
    objective: str = "balanced",
    core: str = DEFAULT_CORE,
    formats: Mapping[str, str | None] | None = None,
    limits: Limits = NO_LIMITS,
) -> Plan:
    """Picks a weight format for every layer of an integer graph and places its tensors.

    ``objective``: ``flash`` takes the fewest bytes, ``latency`` the fewest cycles as estimated for ``core``,
    ``balanced`` the smallest product of the two ratios. ``formats`` is what was chosen already: the weight
    format, or None, of every step by its name. Raises UserError for an objective that does not exist, and
    LimitError where no plan is within ``limits``.
    """
    if objective not in OBJECTIVES:
        known = ", ".join(OBJECTIVES)
        near = did_you_mean(objective, OBJECTIVES)
        raise UserError(f"objective {objective!r} is unknown; choose one of {known}.{near}")
    every = every_candidate(graph, core)
    if formats is not None:
        chosen = [pinned(candidates, formats) for candidates in every]
    else:
        chosen = choose(every, objective, limits)
    steps = with_margins([step for candidate in chosen for step in candidate.steps])
    steps = with_shared_tables(with_margin_cycles(steps, core_class(core)))
    unplaced = buffers_of(steps)
    names = [buffer.name for buffer in unplaced]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"two buffers of the plan are called {twice!r}; give the tensor of that name another one")
    placed = arena.placement(unplaced)
    buffers = placed.buffers
    proof.prove(buffers, arena.arena_bytes(buffers), len(steps))
    proof.prove_overlaps(steps, buffers)
    return Plan(graph, objective, core, steps, buffers, placed.smallest)


def fullest_step(plan: Plan) -> tuple[Step, int]:
    """The step during which most bytes of the arena are in use, and how many."""
    return max(
        ((step, arena.bytes_alive(plan.buffers, k)) for k, step in enumerate(plan.steps)), key=lambda pair: pair[1]
    )


def check_fits(plan: Plan, flash_bytes: int, ram_bytes: int, where: str, other_ram_bytes: int = 0) -> None:
    """Raises LimitError, naming the layer that needs most, where constants or arena alone exceed the memory.

    ``other_ram_bytes`` is what the firmware is sure to take beside the arena.
    """
    if plan.weights_bytes > flash_bytes:
        worst = max(plan.steps, key=lambda step: step.weights_bytes)
        raise LimitError(
            f"the network does not fit {where}: its weights take {plan.weights_bytes} bytes of flash, "
            f"{plan.weights_bytes - flash_bytes} more than the {flash_bytes} there are. Layer {worst.name!r} "
            f"takes most, {worst.weights_bytes} bytes; make it sparser, or choose --objective flash."
        )
    needed_bytes = plan.arena_bytes + other_ram_bytes
    if needed_bytes > ram_bytes:
        step, held_bytes = fullest_step(plan)
        others = f" and the firmware at least {other_ram_bytes} besides" if other_ram_bytes else ""
        raise LimitError(
            f"the network does not fit {where}: its tensors take {plan.arena_bytes} bytes of RAM{others}, "
            f"{needed_bytes - ram_bytes} more than the {ram_bytes} there are. Layer {step.name!r} holds "
            f"{held_bytes} bytes at once; pool or stride earlier, or give it fewer channels."
        )
