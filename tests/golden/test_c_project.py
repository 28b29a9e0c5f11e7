"""The CMake project at the top: the golden networks as somebody without Python builds and runs them."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.golden.networks import NETWORKS
from tests.golden.test_goldens import plan_of
from tinybayes.report.verdict import expect

ROOT = Path(__file__).parents[2]
SAMPLE_BYTES = 1440


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("c")
    for command in (
        ["cmake", "-S", ROOT, "-B", build, "-G", "Ninja"],
        ["cmake", "--build", build],
        ["ctest", "--test-dir", build, "--output-on-failure"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return build


@pytest.mark.parametrize("name", NETWORKS)
def test_sanitized_programs_compute_what_the_reference_computes(name: str, built: Path) -> None:
    plan = plan_of(name)
    codes = (b"codes\n" * SAMPLE_BYTES)[:SAMPLE_BYTES]
    inputs = np.frombuffer(codes, np.int8).reshape(-1, plan.graph.input_tensor.elements)
    assert (built / f"{name}.out").read_bytes() == expect(plan, inputs).outputs.tobytes()
