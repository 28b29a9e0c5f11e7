"""Runs a network on whatever answers at the other end of a link."""

from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from tinybayes.errors import UserError
from tinybayes.hil import Link, Session
from tinybayes.hil.board import check_board
from tinybayes.run.runner import Progress, RunResult


class DeviceRunner:
    """A Runner on a device at ``url``, anything that ``tinybayes.hil.ports.open_port`` opens.

    Raises DeviceError where the device does not answer, runs another network than ``network_digest`` says, or an
    image for another board than ``board``.
    """

    def __init__(
        self,
        url: str,
        *,
        network_digest: bytes | None,
        board: str | None = None,
        name: str | None = None,
        baud: int = 115_200,
        timeout_seconds: float = 5.0,
    ) -> None:
        self.name = name or url
        link = Link(url, baud=baud, timeout_seconds=timeout_seconds)
        try:
            self.session = Session(link, expected_digest=network_digest)
            check_board(url, self.session.identity.board, board)
        except BaseException:
            link.close()
            raise
        self.steps = self.session.identity.steps

    def run(self, inputs: npt.NDArray[np.int8], progress: Progress | None = None) -> RunResult:
        """Run on inputs, int8 (n, input_len), every step traced."""
        identity = self.session.identity
        if inputs.ndim != 2 or inputs.shape[1] != identity.input_len:
            raise UserError(f"inputs of shape {inputs.shape}, wanted (n, {identity.input_len})")
        outputs = np.empty((len(inputs), identity.output_len), np.int8)
        tensor_crcs = np.empty((len(inputs), self.steps), np.uint32)
        for index, values in enumerate(inputs):
            inference = self.session.infer(values)
            outputs[index] = inference.output
            tensor_crcs[index] = inference.tensor_crcs
            if progress is not None:
                progress(index + 1)
        return RunResult(outputs, tensor_crcs)

    def predict(self, inputs: npt.NDArray[np.int8], progress: Progress | None = None) -> npt.NDArray[np.int8]:
        """Outputs alone, int8 (n, output_len); the next inputs are on the line while the device works."""
        return self.session.run_many(inputs, progress)

    def tensor(self, values: npt.NDArray[np.int8], step: int) -> npt.NDArray[np.uint8]:
        """The bytes, uint8 (length,), that ``step`` leaves for one input, int8 (input_len,)."""
        self.session.load_input(values)
        self.session.trace(step)
        return self.session.read_tensor(step)

    def close(self) -> None:
        """Closes the link; may be called twice."""
        self.session.close()

    def __enter__(self) -> Self:
        """The runner itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Calls ``close``."""
        self.close()
