"""Cycles of a trace: what the core needs, and what it waits for flash."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tinybayes.boards.record import FlashTiming
from tinybayes.timing.core_model import CoreModel
from tinybayes.timing.flash import flash_stall_cycles
from tinybayes.timing.flow import Flow
from tinybayes.timing.program import Program
from tinybayes.timing.trace import StepTrace, Trace


@dataclass(frozen=True)
class StepCycles:
    """Cost of one step. ``cycles`` are the core's at zero wait states; what it waits for flash comes on top."""

    instructions: int
    cycles: int
    flash_stall_cycles: int

    def __add__(self, other: "StepCycles") -> "StepCycles":
        return StepCycles(
            self.instructions + other.instructions,
            self.cycles + other.cycles,
            self.flash_stall_cycles + other.flash_stall_cycles,
        )

    def seconds(self, clock_hz: int) -> float:
        """How long it takes at a clock."""
        return (self.cycles + self.flash_stall_cycles) / clock_hz


@dataclass(frozen=True)
class TraceCycles:
    """Cost of one inference: of each step by number, and of the function that calls them."""

    steps: Mapping[int, StepCycles]
    entry: StepCycles

    @property
    def total(self) -> StepCycles:
        """Entry and steps together."""
        return sum(self.steps.values(), self.entry)


def cycles(program: Program, trace: Trace, model: CoreModel, flash_timing: FlashTiming) -> TraceCycles:
    """What ``trace`` of ``program`` costs on the core of ``model``, with code and constants in flash as described.

    Raises InternalError where the trace holds an instruction that the model has no timing for.
    """
    return TraceCycles(
        MappingProxyType(
            {number: step_cycles(program, step, model, flash_timing) for number, step in trace.steps.items()}
        ),
        step_cycles(program, trace.entry, model, flash_timing),
    )


def step_cycles(program: Program, step: StepTrace, model: CoreModel, flash_timing: FlashTiming) -> StepCycles:
    """The cost of one step."""
    flow = Flow(program, step)
    return StepCycles(
        instructions=step.instructions,
        cycles=model.flow_cycles(flow),
        flash_stall_cycles=flash_stall_cycles(program, step, flow, model, flash_timing),
    )
