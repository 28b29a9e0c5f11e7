"""MLPerf Tiny's protocol built for this machine: what an emulated board would take hours to show."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.golden.networks import padded_series
from tests.networks import Builder
from tests.unit.hil.conftest import WARNINGS
from tinybayes.boards import load_board
from tinybayes.errors import UnsupportedError
from tinybayes.ir import Graph, InputScaling
from tinybayes.pipeline import compile_network
from tinybayes.reference import dequantize_output, execute, quantize_input

STEP_CYCLES = 0xF000_0000


def build(directory: Path, graph: Graph, name: str) -> Path:
    out = directory / "out"
    compile_network(graph, load_board("mps2-an386"), out, name=name, protocol="mlperf")
    program = directory / "device"
    firmware = out / "firmware"
    reals = [f"-D{name.upper()}_QUANTIZE"] if name == "ad01" else []
    subprocess.run(
        ["gcc", "-std=gnu11", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *WARNINGS, *reals,
         "-I", firmware, "-I", out / "network", Path(__file__).with_name("mlperf_on_host.c"), firmware / "mlperf.c",
         *sorted((out / "network").glob("*.c")), "-o", program],
        check=True,
    )  # fmt: skip
    return program


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("mlperf"), padded_series(), "kws01")


def loaded(data: bytes) -> str:
    """The commands that put ``data`` into the device's buffer, 31 bytes each, as the runner sends them."""
    return f"db load {len(data)}%" + "".join(f"db {data[at : at + 31].hex()}%" for at in range(0, len(data), 31))


def results(lines: list[str]) -> np.ndarray:
    (line,) = (line for line in lines if line.startswith("m-results-"))
    return np.array([float(number) for number in line.removeprefix("m-results-[").rstrip("]").split(",")])


@pytest.mark.parametrize(
    ("mean", "std", "unit"),
    [
        ((0.5, -9.75), (0.1, 3.0), 1 / 255),  # what reaches no further than 2 is meant for pixels from 0 to 1
        ((128.0, 100.0), (64.0, 50.0), 1.0),
    ],
)
@pytest.mark.parametrize("name", ["ic01", "vww01"])
def test_pixels_become_the_codes_of_their_channels(name, mean, std, unit, tmp_path: Path):
    scaling = InputScaling(np.array(mean, np.float32), np.array(std, np.float32))
    graph = replace(padded_series(), input_scaling=scaling)
    pixels = np.random.default_rng(3).integers(0, 256, (8, 2), dtype=np.uint8)
    pixels[:2] = [[0, 255], [255, 0]]
    codes = quantize_input(graph, (pixels.astype(np.float32) * np.float32(unit)).T[None])
    lines = say(build(tmp_path, graph, name), loaded(pixels.tobytes()) + "db print%infer 1 0%")
    shown = "".join(line.removeprefix("m-buffer-") + "-" for line in lines if line.startswith("m-buffer-"))
    assert bytes.fromhex(shown.replace("-", "")) == codes.tobytes()
    wanted = dequantize_output(graph, execute(graph, codes)[graph.output])
    assert np.abs(results(lines) - wanted.reshape(-1)).max() <= 0.00051


def test_spectra_are_answered_by_how_far_the_outputs_are_from_them(tmp_path: Path):
    graph = Builder(np.random.default_rng(5), (24,)).linear(24).graph()
    spectrum = np.random.default_rng(6).normal(scale=3.0, size=24).astype("<f4")
    spectrum[:3] = [1e9, -1e9, 0.0]
    program = build(tmp_path, graph, "ad01")
    far = say(program, loaded(spectrum.tobytes()) + "infer 1 0%")
    assert results(far) == [4294967.295], "what is too large for the answer is the largest"
    spectrum[:2] = 0.5, -0.25
    codes = quantize_input(graph, spectrum[None])
    output = dequantize_output(graph, execute(graph, codes)[graph.output]).reshape(-1)
    near = say(program, loaded(spectrum.tobytes()) + "db print%infer 3 1%")
    assert results(near) == pytest.approx([((output - spectrum) ** 2).mean()], rel=1e-4)
    assert f"m-buffer-{'-'.join(f'{byte:02x}' for byte in spectrum.tobytes()[:8])}" in near
    assert [line for line in say(program, "db load 24%") if line.startswith("e-")] == [
        "e-[Supplied buffer size 24 is not that of the input, 96]"
    ]


def test_a_network_that_cannot_be_ad01_says_so(tmp_path: Path):
    with pytest.raises(UnsupportedError, match=r"--name ad01: .* has 2 outputs and 16 inputs; choose another name"):
        compile_network(padded_series(), load_board("pico"), tmp_path / "out", name="ad01", protocol="mlperf")


@pytest.mark.parametrize("name", ["ad01", "ic01"])
def test_images_of_both_kinds_build_for_the_smallest_core(name: str, tmp_path: Path):
    graph = Builder(np.random.default_rng(5), (24,)).linear(24).graph()
    deployment = compile_network(graph, load_board("microbit"), tmp_path / "out", name=name, protocol="mlperf")
    assert deployment.build().is_file()


def say(device: Path, text: str) -> list[str]:
    done = subprocess.run([device], input=text.encode(), capture_output=True, check=True, timeout=60)
    assert not done.stdout.replace(b"\r\n", b"").count(b"\n"), "every line ends in CR and LF"
    return done.stdout.decode().split("\r\n")[:-1]


def test_microseconds_go_on_where_32_bits_have_ended(device: Path):
    # A look for every byte, two at the start, and one more for every answer.
    laps = [
        int(found[1])
        for line in say(device, "timestamp%" * 60)
        if (found := re.fullmatch(r"m-lap-us-([0-9]+)", line)) is not None
    ]
    looks = [1, *(1 + 11 * k for k in range(1, 61))]
    assert laps == [look * STEP_CYCLES * 1_000_000 // 25_000_000 for look in looks]
    assert laps[-1] > 1 << 36


def test_help_names_every_command(device: Path):
    (line,) = (line for line in say(device, "help%") if line.startswith("name"))
    for command in ("profile", "timestamp", "db load", "db print", "infer", "results"):
        assert command in line


def test_noise_and_half_commands_leave_the_device_in_order(device: Path):
    """What a runner does that takes up a port in mid-command: a lone terminator, then a good command."""
    lines = say(device, "db 01\r\n\0\x01 02%%name%")
    assert lines[-2:] == ["m-name-dut-[tinybayes]", "m-ready"]
    assert lines[-4:-2] == ["e-[Unknown command: ]", "m-ready"]


def test_hostile_bytes_never_stop_it(device: Path):
    import random

    dice = random.Random(4)
    words = [b"db", b"load", b"infer", b"results", b"%", b" ", b"9999999999", b"ff", b"\xff", b"print", b"\0", b"zz"]
    text = b"".join(dice.choice(words) + dice.choice((b" ", b"", b"%")) for _ in range(4000))
    done = subprocess.run([device], input=text + b"%name%", capture_output=True, check=True, timeout=120)
    assert done.stdout.endswith(b"m-name-dut-[tinybayes]\r\nm-ready\r\n")
