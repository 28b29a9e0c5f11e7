"""The plan: everything that is decided about a network before its code is written."""

from dataclasses import dataclass, replace

from tinybayes.errors import LimitError, UserError, did_you_mean
from tinybayes.ir import Graph, MacNode, verify
from tinybayes.plan import arena, proof
from tinybayes.plan.arena import Buffer
from tinybayes.plan.objective import OBJECTIVES, candidates_for
from tinybayes.plan.overlap import lead_bytes
from tinybayes.plan.steps import Step, lower, with_margins


@dataclass(frozen=True, eq=False)
class Plan:
    """Steps in order, and where their tensors lie in the arena.

    Step ``k`` writes the buffer named after its tensor, and the last step writes the caller's output.
    """

    graph: Graph
    objective: str
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]

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
        return next((buffer for buffer in self.buffers if buffer.name == _scratch_name(step)), None)


def make_plan(graph: Graph, objective: str = "balanced") -> Plan:
    """Picks a weight format for every layer of an integer graph and places its tensors.

    ``objective``: ``flash`` takes the fewest bytes, ``latency`` the fewest estimated instructions, ``balanced`` the
    smallest product of the two ratios. Raises UserError for an objective that does not exist.
    """
    if objective not in OBJECTIVES:
        known = ", ".join(OBJECTIVES)
        near = did_you_mean(objective, OBJECTIVES)
        raise UserError(f"objective {objective!r} is unknown; choose one of {known}.{near}")
    steps = with_margins([_with_format(step, objective, graph.input) for step in lower(verify(graph))])
    unplaced = _buffers(steps)
    names = [buffer.name for buffer in unplaced]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"two buffers of the plan are called {twice!r}; give the tensor of that name another one")
    buffers = arena.place(unplaced)
    proof.prove(buffers, arena.arena_bytes(buffers), len(steps))
    proof.prove_overlaps(steps, buffers)
    return Plan(graph, objective, steps, buffers)


def check_fits(plan: Plan, flash_bytes: int, ram_bytes: int, where: str) -> None:
    """Raises LimitError, naming the layer that needs most, where constants or arena alone exceed the memory."""
    if plan.weights_bytes > flash_bytes:
        worst = max(plan.steps, key=lambda step: step.weights_bytes)
        raise LimitError(
            f"the network does not fit {where}: its weights take {plan.weights_bytes} bytes of flash, "
            f"{plan.weights_bytes - flash_bytes} more than the {flash_bytes} there are. Layer {worst.name!r} "
            f"takes most, {worst.weights_bytes} bytes; make it sparser, or choose --objective flash."
        )
    if plan.arena_bytes > ram_bytes:
        step, needed = max(
            ((step, arena.bytes_alive(plan.buffers, k)) for k, step in enumerate(plan.steps)),
            key=lambda pair: pair[1],
        )
        raise LimitError(
            f"the network does not fit {where}: its tensors take {plan.arena_bytes} bytes of RAM, "
            f"{plan.arena_bytes - ram_bytes} more than the {ram_bytes} there are. Layer {step.name!r} holds "
            f"{needed} bytes at once; pool or stride earlier, or give it fewer channels."
        )


def _with_format(step: Step, objective: str, network_input: str) -> Step:
    if not isinstance(step.node, MacNode):
        return step
    candidates = candidates_for(
        step.node, step.positions, field=step.field(network_input), largest_offset=step.largest_offset
    )
    chosen = OBJECTIVES[objective](candidates)
    return replace(step, encoding=chosen.encoding, estimated_instructions=chosen.estimated_instructions)


def _scratch_name(step: Step) -> str:
    return f"{step.name}.scratch"


def _buffers(steps: tuple[Step, ...]) -> list[Buffer]:
    readers = {step.source.tensor.name: k for k, step in enumerate(steps)}
    written = {step.tensor for step in steps[:-1]}
    buffers = []
    for k, step in enumerate(steps[:-1]):
        lead = lead_bytes(step) if step.source.tensor.name in written else None
        over = step.source.tensor.name if lead is not None else ""
        buffers.append(
            Buffer(step.tensor, step.target.total_bytes, k, readers.get(step.tensor, k), 0, over, lead or 0)
        )
    scratch = [Buffer(_scratch_name(step), step.scratch_bytes, k, k) for k, step in enumerate(steps)]
    return buffers + [buffer for buffer in scratch if buffer.size_bytes]
