"""Images with --protocol mlperf, driven as MLPerf Tiny's runner does, in performance and accuracy mode."""

import numpy as np
import pytest

from tests.emulated.mlperf_client import MlperfClient
from tests.golden.networks import padded_series
from tinybayes.boards import load_board
from tinybayes.pipeline import compile_network
from tinybayes.reference import dequantize_output
from tinybayes.report.verdict import expect, random_inputs
from tinybayes.run.qemu import Emulator

pytestmark = pytest.mark.emulated


@pytest.mark.parametrize("board", ["microbit", "mps2-an386"])
def test_the_protocol_from_name_to_results(board, tmp_path):
    board = load_board(board)
    deployment = compile_network(padded_series(), board, tmp_path / "out", name="kws01", protocol="mlperf")
    inputs = random_inputs(deployment.plan.graph, 12)
    codes = expect(deployment.plan, inputs).outputs
    real = dequantize_output(deployment.plan.graph, codes).reshape(len(inputs), -1)
    emulator = Emulator(deployment.build(), board)
    device = MlperfClient(emulator.url)
    try:
        mode, lap, done = device.await_ready()
        assert (mode, done) == ("m-timestamp-mode-performance", "m-init-done") and lap.startswith("m-lap-us-")
        assert device.command("name") == ["m-name-dut-[tinybayes]"]
        assert device.command("profile") == ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[kws01]"]
        (error,) = device.command("infer 1 0")
        assert error.startswith("e-[Load an input first")
        for values, wanted in zip(inputs, real, strict=True):  # accuracy
            device.load(values)
            results, _ = device.infer(1, 0)
            assert np.abs(np.array(results) - wanted).max() <= 0.00051
        (again,) = device.command("results")
        assert device.results_of(again) == results
        assert (
            "".join(device.command("db print")).replace("m-buffer-", "-").replace("-", "") == inputs[-1].tobytes().hex()
        )
        results, few_us = device.infer(20, 1)  # performance
        assert device.infer(400, 0)[1] > few_us > 0
        assert np.abs(np.array(results) - real[-1]).max() <= 0.00051
        (stamp,) = device.command("timestamp")
        assert int(stamp.removeprefix("m-lap-us-")) > few_us
    finally:
        device.close()
        emulator.close()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("db", "e-[Command 'db' requires a subcommand]"),
        ("db load", "e-[Command 'db load' requires the # of bytes]"),
        ("db load 0", "e-[Command 'db load' must be >0 bytes]"),
        ("db load 99999999999", "e-[Command 'db load' must be >0 bytes]"),
        ("db load 7", "e-[Supplied buffer size 7 is not that of the input, "),
        ("db abc", "e-[Insufficent number of hex digits]"),
        ("infer 0", "e-[Inference iterations must be >0]"),
        ("infer 1 -1", "e-[Inference warmup must be >=0]"),
        ("what " + "x" * 200, "e-[Unknown command: what]"),
        ("", "e-[Unknown command: ]"),
    ],
)
def test_what_a_wrong_command_is_told(command, answer, device):
    (line,) = device.command(command)
    assert line.startswith(answer)


def test_digits_that_are_none(device):
    elements = padded_series().input_tensor.elements
    assert device.command(f"db load {elements}") == [f"m-[Expecting {elements} bytes]"]
    assert device.command("db 0102zz") == ["e-[Invalid hex digit 'zz']"]


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    board = load_board("mps2-an386")
    out = tmp_path_factory.mktemp("mlperf") / "out"
    deployment = compile_network(padded_series(), board, out, protocol="mlperf")
    emulator = Emulator(deployment.build(), board)
    client = MlperfClient(emulator.url)
    client.await_ready()
    yield client
    client.close()
    emulator.close()
