"""Which buffers the steps of a plan need in the arena, and for how long."""

from collections.abc import Sequence

from tinybayes.plan.arena import Buffer
from tinybayes.plan.overlap import in_place, lead_bytes
from tinybayes.plan.steps import Step, last_reads


def scratch_name(step: Step) -> str:
    """The buffer that the step's kernel works in is called so."""
    return f"{step.name}.scratch"


def buffers_of(steps: Sequence[Step]) -> list[Buffer]:
    """Buffers of steps in order, with their margins but without places; the last step writes the caller's output."""
    last_read = last_reads(steps)
    written = {step.tensor for step in steps[:-1]}
    buffers = []
    for k, step in enumerate(steps[:-1]):
        # Only what no later step reads may be written over.
        dying = (s for s in step.sources if s.tensor.name in written and last_read[s.tensor.name] == k)
        leads = ((s.tensor.name, lead_bytes(step, s)) for s in dying)
        over, lead = next(((name, lead) for name, lead in leads if lead is not None), ("", None))
        last = last_read.get(step.tensor, k)
        fixed = bool(over) and in_place(step)
        buffers.append(Buffer(step.tensor, step.target.total_bytes, k, last, 0, over, lead or 0, in_place=fixed))
    scratch = [Buffer(scratch_name(step), step.scratch_bytes, k, k) for k, step in enumerate(steps)]
    return buffers + [buffer for buffer in scratch if buffer.size_bytes]
