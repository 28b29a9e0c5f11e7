"""What every place that runs a network offers."""

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

Progress = Callable[[int], None]
"""Called with the number of inputs done so far."""


@dataclass(frozen=True)
class RunResult:
    """``outputs`` int8 (n, output_len); ``tensor_crcs`` uint32 (n, steps), zlib's CRC-32 of every step's tensor."""

    outputs: npt.NDArray[np.int8]
    tensor_crcs: npt.NDArray[np.uint32]


class Runner(Protocol):
    """A place that runs one network; ``name`` is what a user calls it (``host``, ``qemu``, a URL)."""

    name: str
    steps: int

    def run(self, inputs: npt.NDArray[np.int8], progress: Progress | None = None) -> RunResult:
        """Run on inputs, int8 (n, input_len), every step traced."""

    def predict(self, inputs: npt.NDArray[np.int8], progress: Progress | None = None) -> npt.NDArray[np.int8]:
        """Outputs alone, int8 (n, output_len), of inputs, int8 (n, input_len), as fast as the place gives them."""

    def tensor(self, values: npt.NDArray[np.int8], step: int) -> npt.NDArray[np.uint8]:
        """The bytes, uint8 (length,), that ``step`` leaves for one input, int8 (input_len,)."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""

    def __enter__(self) -> Self:
        """The runner itself."""

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Calls ``close``."""
