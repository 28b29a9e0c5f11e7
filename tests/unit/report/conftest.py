"""Two compiled networks, as they are after compile and after everything was measured."""

import copy
from dataclasses import asdict

import numpy as np
import pytest

from tests.networks import Builder
from tinybayes.boards import load_board
from tinybayes.ir import Graph
from tinybayes.plan import OBJECTIVES, make_plan
from tinybayes.plan.candidates import candidates_of, parts
from tinybayes.plan.steps import lower
from tinybayes.recipes.knobs import MnistLenet300Knobs
from tinybayes.report.record import Record, compiled

LENET_STAGES = (("dense", 0.9843, 266_200), ("sparse", 0.9818, 5_390), ("pruned", 0.9817, 5_081),
                ("fine-tuned", 0.9829, 5_081), ("shared", 0.9822, 5_081), ("integer", 0.9821, 5_081))  # fmt: skip
IMU_STAGES = (("dense", 0.9712, 23_936), ("sparse", 0.9634, 2_310), ("pruned", 0.9628, 2_212),
              ("fine-tuned", 0.9671, 2_212), ("shared", 0.9655, 2_212), ("integer", 0.9649, 2_212))  # fmt: skip


def stage_list(stages: tuple[tuple[str, float, int], ...]) -> list[dict[str, object]]:
    return [{"stage": name, "accuracy": accuracy, "nonzero": nonzero} for name, accuracy, nonzero in stages]


def lenet() -> Graph:
    """What is left of LeNet-300-100 after pruning: 784-300-100-10 became 493-74-69-10."""
    builder = Builder(np.random.default_rng(3), (784,), density=0.11, levels=30)
    builder.select(np.sort(np.random.default_rng(4).permutation(784)[:493]))
    graph = builder.linear(74, "uint8").linear(69, "uint8").linear(10).graph()
    for node, shape in zip(graph.mac_nodes, ((300, 1, 1, 784), (100, 1, 1, 300), (10, 1, 1, 100)), strict=True):
        object.__setattr__(node, "dense_shape", shape)
    return graph.with_facts(
        recipe="mnist-lenet300", seed=0, stages=stage_list(LENET_STAGES), float_accuracy=0.9843, by_recording=None,
        knobs=asdict(MnistLenet300Knobs(sparse_epochs=140, levels=29)),
    )  # fmt: skip


def imu() -> Graph:
    builder = Builder(np.random.default_rng(1), (128, 6), density=0.09, levels=15)
    builder.conv(32, (1, 5), padding=(0, 0, 2, 2)).max_pool((1, 2)).conv(64, (1, 5), padding=(0, 0, 2, 2))
    builder.max_pool((1, 2)).conv(64, (1, 3), padding=(0, 0, 1, 1)).average_pool((1, 32)).flatten().linear(10)
    return builder.graph().with_facts(
        recipe="imu-user-id", seed=1, stages=stage_list(IMU_STAGES), float_accuracy=0.9712, by_recording=0.4127,
        knobs={"seed": 1, "batch": 64, "dense_epochs": 60, "dense_learning_rate": 0.001, "levels": 15},
    )  # fmt: skip


def part(group: str, owner: str, kind: str, size_bytes: int) -> dict[str, object]:
    return {"group": group, "owner": owner, "kind": kind, "name": f"{owner}_{kind}", "bytes": size_bytes}


def measured(record: Record, *, instructions: tuple[int, ...], samples: int, accuracy: float) -> Record:
    """The record as it is when all has been measured."""
    record = copy.deepcopy(record)
    weights = record["flash"]["weights_bytes"]
    record["flash"].update(code_bytes=2_764, other_bytes=5_236, image_bytes=weights + 2_764 + 5_236)
    arena = record["ram"]["arena_bytes"]
    record["ram"].update(
        static_bytes=1_316, stack_bytes=1_024, total_bytes=arena + 1_316 + 1_024, reserved_stack_bytes=2_048,
        stack_chain=[{"function": "main", "bytes": 24}, {"function": "step", "bytes": 1_000}],
        parts=[part("network", "arena", "variables", arena), part("firmware", "protocol.c", "variables", 1_316)],
    )  # fmt: skip
    record["latency"].update(source="emulated", instructions=sum(instructions) + 61)
    for layer, count in zip(record["layers"], instructions, strict=True):
        layer.update(instructions=count, code_bytes=38)
    shared = 2_764 - 38 * len(instructions)
    record["flash"]["parts"] = [
        *(
            part("layer", layer["name"], kind, size)
            for layer in record["layers"]
            for kind, size in {**layer["weights_bytes_by_kind"], "instructions": 34, "literals": 4}.items()
        ),
        part("network", record["network"]["name"], "instructions", shared),
        part("library", "libc_nano.a", "instructions", 300),
        part("firmware", "startup.c", "constants", 64),
        part("firmware", "startup.c", "instructions", 4_870),
        part("alignment", "alignment", "padding", 2),
    ]
    tensors = samples * len(instructions)
    for place in ("host", "qemu"):
        record["verify"][place] = {
            "samples": samples, "tensors_compared": tensors, "mismatches": 0, "first_mismatch": None,
        }  # fmt: skip
    stages = record["stages"]
    record["accuracy"] = {
        "float": stages[0]["accuracy"], "reference": accuracy, "device": accuracy, "samples": samples,
        "device_samples": samples,
    }  # fmt: skip
    return record


def compiled_record(graph: Graph, name: str) -> Record:
    """The record of a plan for least flash that keeps every step, selections of inputs too."""
    every = [
        [candidate for candidate in candidates_of(part, "dsp") if len(candidate.steps) == len(part)]
        for part in parts(lower(graph))
    ]
    formats = dict(pair for candidates in every for pair in OBJECTIVES["flash"](candidates).formats)
    return compiled(make_plan(graph, "flash", formats=formats), load_board("mps2-an386"), name=name, protocol="frames")


@pytest.fixture(scope="session")
def lenet_graph() -> Graph:
    return lenet()


@pytest.fixture(scope="session")
def imu_graph() -> Graph:
    return imu()


@pytest.fixture
def lenet_record(lenet_graph: Graph) -> Record:
    """After compile."""
    return compiled_record(lenet_graph, "lenet")


@pytest.fixture
def lenet_measured(lenet_record: Record) -> Record:
    """After verify."""
    return measured(lenet_record, instructions=(1_870, 98_220, 14_410, 2_350), samples=10_000, accuracy=0.9821)


@pytest.fixture
def imu_measured(imu_graph: Graph) -> Record:
    record = compiled_record(imu_graph, "imu")
    return measured(record, instructions=(804, 66_120, 302_410, 141_350, 2_644), samples=1_214, accuracy=0.9649)
