"""Calibration against a simulated board: real firmware code whose counter has planted factors and noise."""

import dataclasses
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.unit.hil.conftest import FakeBoard
from tinybayes.boards import load_board
from tinybayes.boards.bench import bench_file, read_calibrations
from tinybayes.calibration import calibrate, calibration_network, prepare
from tinybayes.deployment import Deployment
from tinybayes.errors import DeviceError
from tinybayes.pipeline import compile_network
from tinybayes.timing.model import TraceCycles

pytestmark = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")

BOARD = "nucleo-f446re"
ROUNDS = 9
Start = Callable[[list[float]], str]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return prepare(load_board(BOARD), tmp_path_factory.mktemp("calibration") / "out")


@pytest.fixture(scope="module")
def model(prepared: Deployment) -> TraceCycles:
    return prepared.static_cycles()


@pytest.fixture(scope="module")
def program(prepared: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("simulated") / "board"
    firmware, network = prepared.directory / "firmware", prepared.directory / "network"
    subprocess.run(
        ["gcc", "-std=gnu11", "-O1", "-DCALIBRATION_TRACE", "-I", firmware, "-I", network,
         Path(__file__).with_name("simulated_board.c"),
         *(firmware / name for name in ("protocol.c", "inference.c", "frame.c", "golden.c")),
         *sorted(network.glob("*.c")), "-o", made],
        check=True,
    )  # fmt: skip
    return made


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def start(program: Path) -> Iterator[Start]:
    boards: list[FakeBoard] = []

    def run(counts: list[float]) -> str:
        boards.append(FakeBoard(program, ",".join(str(round(count)) for count in counts), bytes, bytes))
        return boards[-1].url

    yield run
    for board in boards:
        board.close()


def planted(model: TraceCycles, core: float, flash: float, noise: float = 0.0) -> list[float]:
    """Counts of all layers, as often as they are asked for: factors, 40 cycles to read the counter, noise."""
    steps = [model.steps[number] for number in sorted(model.steps)]
    exact = np.array([core * step.cycles + flash * step.flash_stall_cycles + 40 for step in steps])
    dice = np.random.default_rng(11)
    return [float(count) for _ in range(ROUNDS) for count in exact * (1 + noise * dice.standard_normal(len(exact)))]


@pytest.mark.parametrize(("core", "flash"), [(1.0, 1.0), (1.12, 0.55), (0.94, 2.0)])
def test_planted_factors_are_recovered_and_stored(core, flash, prepared, model, start):
    measurement = calibrate(prepared, start(planted(model, core, flash, noise=0.001)))
    found = measurement.calibration
    assert found.core_factor == pytest.approx(core, rel=0.01)
    assert found.flash_factor == pytest.approx(flash, abs=0.05)
    assert found.largest_error < 0.01
    assert measurement.stored_in == bench_file()
    stored = read_calibrations()[BOARD]
    assert stored.core_factor == pytest.approx(found.core_factor, abs=1e-6)
    assert stored.cycle_counter == "dwt"


def test_later_reports_take_the_factors_and_say_so(prepared, model, start):
    calibrate(prepared, start(planted(model, 1.25, 0.5)))
    prepared.static_latency()
    latency = prepared.record["latency"]
    assert latency["calibration"]["core_factor"] == pytest.approx(1.25, rel=1e-3)
    assert latency["cycles"] == pytest.approx(1.25 * model.total.cycles, rel=1e-3)
    assert latency["flash_stall_cycles"] == pytest.approx(0.5 * model.total.flash_stall_cycles, rel=1e-2)
    layers = sum(layer["cycles"] for layer in prepared.record["layers"])
    assert latency["cycles"] == layers + latency["between_layers"]["cycles"]


def test_some_layers_wait_for_flash_more_than_others(model):
    shares = [step.flash_stall_cycles / step.cycles for step in model.steps.values()]
    assert max(shares) > 3 * min(shares)


def test_counts_of_something_else_are_refused(prepared, start):
    with pytest.raises(DeviceError, match=r"off with the best factors, so nothing is stored"):
        calibrate(prepared, start([100, 200_000, 3, 4_000, 50, 600_000, 7, 80]))
    assert not bench_file().exists()


def test_a_board_without_a_counter_is_said_so(prepared, start):
    with pytest.raises(DeviceError, match=r"nothing on the device counts cycles"):
        calibrate(prepared, start([]))


def test_another_network_is_said_so(prepared, model, start, tmp_path):
    graph = calibration_network()
    other = compile_network(dataclasses.replace(graph, facts={"other": True}), load_board(BOARD), tmp_path / "other")
    object.__setattr__(other, "static_cycles", lambda: model)
    with pytest.raises(
        DeviceError, match=r"the device runs network 'calibration' with digest .*flash the directory's image"
    ):
        calibrate(other, start(planted(model, 1, 1)))


def test_no_answer_is_said_so(prepared, model, program):
    silent = FakeBoard(program, "", lambda data: b"", bytes)
    try:
        with pytest.raises(DeviceError, match=r"hello: no answer within 0\.05 s, 2 times"):
            calibrate(prepared, silent.url, timeout_seconds=0.05, attempts=2)
    finally:
        silent.close()
