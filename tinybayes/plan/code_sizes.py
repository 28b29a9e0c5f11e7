"""What the code of layers takes of flash, as far as images were built and measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tinybayes.plan.steps import Step


@dataclass(frozen=True)
class CodeSizes:
    """``measured`` is bytes of the code of a step by its name and its kernel."""

    measured: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def of(self, step: Step) -> int:
        """Bytes that the code of ``step`` takes.

        Where it was not measured, the fewest that its kernel took in another layer; else, the fewest of any kernel of
        the operator; else 0.
        """
        exact = self.measured.get((step.name, step.kernel))
        if exact is not None:
            return exact
        alike = [size for (_, kernel), size in self.measured.items() if kernel == step.kernel]
        kin = [size for (_, kernel), size in self.measured.items() if kernel.split("_")[0] == step.op.split("_")[0]]
        return min(alike or kin, default=0)
