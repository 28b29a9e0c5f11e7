"""What every timing model of a core offers."""

from typing import Protocol

from tinybayes.timing.flow import Flow
from tinybayes.timing.instruction import Instruction


class CoreModel(Protocol):
    """Cycles of a core at zero wait states. ``version`` changes whenever a figure may."""

    @property
    def core(self) -> str:
        """The core's name, ``"cortex-m4"``."""
        ...

    @property
    def version(self) -> str:
        """Name and version, as report.json shows it."""
        ...

    def cycles_alone(self, instruction: Instruction) -> int:
        """Cycles of ``instruction`` where nothing before it matters, and where it does not transfer control."""
        ...

    def flow_cycles(self, flow: Flow) -> int:
        """Cycles of all that a step executed, without what flash costs."""
        ...
