"""Compares runners with the reference: every output and every tensor that the plan materialises, to the bit."""

import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes.errors import InternalError
from tinybayes.ir import Graph
from tinybayes.plan import Plan
from tinybayes.reference import chosen_classes, execute
from tinybayes.run.runner import Runner

DEFAULT_SAMPLES = 256
_CHUNK_SAMPLES = 128


@dataclass(frozen=True)
class Mismatch:
    """The first code that differs: which sample, layer, and flat position in the layer's stored tensor."""

    sample: int
    layer: str
    tensor: str
    index: int
    expected: int
    got: int

    def __str__(self) -> str:
        where = f"sample {self.sample}, layer {self.layer!r} (tensor {self.tensor!r})"
        if self.expected == self.got:
            return f"{where}, which is right when it is computed again: the device is unreliable"
        return f"{where}, index {self.index}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True)
class Verdict:
    """How a runner compares: ``tensors_compared`` counts samples times tensors; ``mismatches`` counts tensors."""

    samples: int
    tensors_compared: int
    mismatches: int
    first_mismatch: Mismatch | None

    def record(self) -> dict[str, Any]:
        """The verdict as report.json has it."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Expected:
    """What the reference computes: ``outputs`` int8 (samples, output_len), ``tensor_crcs`` uint32 (samples, steps)."""

    inputs: npt.NDArray[np.int8]
    outputs: npt.NDArray[np.int8]
    tensor_crcs: npt.NDArray[np.uint32]

    def first(self, samples: int) -> "Expected":
        """The same for the first ``samples`` inputs."""
        return Expected(self.inputs[:samples], self.outputs[:samples], self.tensor_crcs[:samples])


def random_inputs(graph: Graph, samples: int = DEFAULT_SAMPLES) -> npt.NDArray[np.int8]:
    """Seeded inputs, int8 (samples, input_len): all codes lowest, all highest, all zero, and uniform ones."""
    shape = (samples, graph.input_tensor.elements)
    inputs = np.random.default_rng(0).integers(-128, 128, size=shape, dtype=np.int8)
    for k, code in enumerate((-128, 127, 0)[:samples]):
        inputs[k] = code
    return inputs


def expect(plan: Plan, inputs: npt.NDArray[np.int8], progress: Callable[[int], None] | None = None) -> Expected:
    """Runs the reference on ``inputs``, int8 (samples, input_len)."""
    graph = plan.graph
    crcs = np.empty((len(inputs), len(plan.steps)), dtype=np.uint32)
    outputs = np.empty((len(inputs), graph.output_tensor.elements), dtype=np.int8)
    for start in range(0, len(inputs), _CHUNK_SAMPLES):
        chunk = inputs[start : start + _CHUNK_SAMPLES]
        values = execute(graph, chunk.reshape(-1, *graph.input_tensor.shape))
        outputs[start : start + len(chunk)] = values[graph.output].reshape(len(chunk), -1)
        for k in range(len(plan.steps)):
            stored = _stored(plan, values, k)
            crcs[start : start + len(chunk), k] = [zlib.crc32(row) for row in stored]
        if progress is not None:
            progress(start + len(chunk))
    return Expected(inputs, outputs, crcs)


def judge(plan: Plan, expected: Expected, runner: Runner, progress: Callable[[int], None] | None = None) -> Verdict:
    """Runs everything on ``runner`` and compares outputs and tensors; looks into the first tensor that differs."""
    if runner.steps != len(plan.steps):
        raise InternalError(f"{runner.name} has {runner.steps} steps where the plan has {len(plan.steps)}")
    result = runner.run(expected.inputs, progress)
    differs = result.tensor_crcs != expected.tensor_crcs
    differs[:, -1] |= (result.outputs != expected.outputs).any(axis=1)
    first = None
    if differs.any():
        sample, step = (int(k) for k in np.argwhere(differs)[0])
        first = _look_into(plan, expected, runner, result.outputs, sample, step)
    return Verdict(len(expected.inputs), int(differs.size), int(differs.sum()), first)


def accuracy(outputs: npt.NDArray[np.int8], labels: npt.NDArray[np.int64], class_scores: int | None) -> float:
    """Share of samples whose largest score of a class (the first of equals) is that of the label."""
    return float((chosen_classes(outputs, class_scores) == labels).mean())


def _stored(plan: Plan, values: dict[str, npt.NDArray[Any]], step: int) -> npt.NDArray[np.uint8]:
    source, target = plan.steps[step].source, plan.steps[step].target
    name = target.tensor.name
    return target.lay_out(values[name if name in values else source.tensor.name])


def _look_into(
    plan: Plan, expected: Expected, runner: Runner, outputs: npt.NDArray[np.int8], sample: int, step: int
) -> Mismatch:
    tensor = plan.steps[step].target.tensor
    signed = tensor.dtype == "int8"
    inputs = expected.inputs[sample]
    values = execute(plan.graph, inputs.reshape(1, *plan.graph.input_tensor.shape))
    wanted = _stored(plan, values, step)[0]
    last = step + 1 == len(plan.steps)
    got = outputs[sample].view(np.uint8) if last else runner.tensor(inputs, step)
    different = np.flatnonzero(wanted != got)
    if not different.size and last:
        got = runner.tensor(inputs, step)
        different = np.flatnonzero(wanted != got)
    # A runner whose tensors agree now but did not before is unreliable: index 0 of the tensor stands for all of it.
    index = int(different[0]) if different.size else 0
    as_code = np.int8 if signed else np.uint8
    return Mismatch(
        sample,
        plan.steps[step].name,
        tensor.name,
        index,
        int(wanted.view(as_code)[index]),
        int(np.asarray(got).view(as_code)[index]),
    )
