"""MLPerf Tiny's protocol built for this machine: what an emulated board would take hours to show."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.golden.networks import padded_series
from tests.unit.hil.conftest import WARNINGS
from tinybayes.boards import load_board
from tinybayes.pipeline import compile_network

STEP_CYCLES = 0xF000_0000


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mlperf") / "out"
    compile_network(padded_series(), load_board("mps2-an386"), out, name="kws01", protocol="mlperf")
    program = out.parent / "device"
    firmware = out / "firmware"
    subprocess.run(
        ["gcc", "-std=gnu11", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *WARNINGS,
         "-I", firmware, "-I", out / "network", Path(__file__).with_name("mlperf_on_host.c"), firmware / "mlperf.c",
         *sorted((out / "network").glob("*.c")), "-o", program],
        check=True,
    )  # fmt: skip
    return program


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
