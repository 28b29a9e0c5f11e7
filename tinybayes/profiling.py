"""Cycles of every layer as a device counts them, beside what the core's model says."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tinybayes.boards import Board
from tinybayes.build.cmake import build_firmware
from tinybayes.deployment import Deployment
from tinybayes.errors import InternalError, UnsupportedError
from tinybayes.report.verdict import random_inputs
from tinybayes.run.device import DeviceRunner
from tinybayes.run.qemu import QemuRunner

Progress = Callable[[int, int], None]
_LARGEST_SHIFT = 10  # of QEMU's -icount: an instruction takes 2^shift ns


@dataclass(frozen=True)
class LayerProfile:
    """Cycles of one layer over all runs; ``predicted_cycles`` is the model's, waits for flash included.

    ``ratio`` is measured (the median) over predicted; both are None where there is no prediction.
    """

    name: str
    median_cycles: float
    least_cycles: int
    most_cycles: int
    spread_cycles: float
    predicted_cycles: int | None
    ratio: float | None


@dataclass(frozen=True)
class DeviceProfile:
    """What was measured. ``spread_cycles`` are between the quartiles; ``total`` is of whole inferences.

    ``real_cycles`` is False in QEMU, where every instruction takes the same time, near a cycle of the core.
    """

    on: str
    board: str
    clock_hz: int
    cycle_counter: str
    runs: int
    real_cycles: bool
    model_version: str
    layers: tuple[LayerProfile, ...]
    total: LayerProfile

    @property
    def seconds(self) -> float:
        """The median of an inference."""
        return self.total.median_cycles / self.clock_hz

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "seconds": self.seconds}


def profile_device(deployment: Deployment, on: str, runs: int, progress: Progress | None = None) -> DeviceProfile:
    """Profiles ``runs`` inferences, each on another input, on qemu or at the URL of a serial port.

    Raises UnsupportedError for the host, which has no such counter, and DeviceError where the device fails, runs
    another network or has no counter.
    """
    if on == "host":
        raise UnsupportedError(f"--on {on}: layers are timed on a device; give qemu or the URL of a serial port")
    with _runner(deployment, on) as runner:
        session = runner.session
        identity = session.identity
        inputs = random_inputs(deployment.plan.graph, runs)
        counts = np.empty((runs, identity.steps), np.int64)
        for run, values in enumerate(inputs):
            session.load_input(values)
            counts[run] = session.profile().cycles
            if progress is not None:
                progress(run + 1, runs)
    predicted = _predicted(deployment)
    names = [layer["name"] for layer in deployment.record["layers"]]
    layers = tuple(_layer(name, counts[:, k], predicted[k]) for k, name in enumerate(names))
    known = [cycles for cycles in predicted if cycles is not None]
    whole = sum(known) if len(known) == len(predicted) else None
    return DeviceProfile(
        on=on,
        board=identity.board,
        clock_hz=identity.clock_hz,
        cycle_counter=identity.cycle_counter,
        runs=runs,
        real_cycles=on != "qemu",
        model_version=deployment.model_version,
        layers=layers,
        total=_layer("all layers", counts.sum(axis=1), whole),
    )


def _runner(deployment: Deployment, on: str) -> DeviceRunner | QemuRunner:
    """As the deployment's own, but a QEMU whose time follows the instructions, so that its figures repeat."""
    board = deployment.board
    if on == "qemu" and isinstance(board, Board) and board.emulated:
        shift = max(0, min(_LARGEST_SHIFT, round(math.log2(1e9 / board.clock_hz))))
        return QemuRunner(
            build_firmware(deployment.directory, deployment.name),
            board,
            network_digest=deployment.digest,
            extra_arguments=("-icount", f"shift={shift}"),
        )
    runner = deployment.runner(on)
    if not isinstance(runner, DeviceRunner | QemuRunner):
        raise InternalError(f"a runner on {on!r} that is no device")
    return runner


def _predicted(deployment: Deployment) -> list[int | None]:
    if deployment.record["latency"]["cycles"] is None:
        deployment.build()
    found: list[int | None] = []
    for layer in deployment.record["layers"]:
        cycles, stalls = layer["cycles"], layer.get("flash_stall_cycles")
        found.append(None if cycles is None else int(cycles) + int(stalls or 0))
    return found


def _layer(name: str, counts: np.ndarray[Any, np.dtype[np.int64]], predicted: int | None) -> LayerProfile:
    low, median, high = (float(value) for value in np.percentile(counts, (25, 50, 75)))
    return LayerProfile(
        name=name,
        median_cycles=median,
        least_cycles=int(counts.min()),
        most_cycles=int(counts.max()),
        spread_cycles=high - low,
        predicted_cycles=predicted,
        ratio=median / predicted if predicted else None,
    )
