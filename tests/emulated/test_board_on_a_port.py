"""A board in QEMU that is reached by the URL of its port, as one on a desk is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command, compiled, network, tinybayes  # noqa: F401 - fixtures
from tinybayes.boards import load_board
from tinybayes.run.qemu import Emulator

pytestmark = pytest.mark.emulated


@pytest.fixture
def url(compiled: Path, tinybayes: Command) -> Iterator[str]:  # noqa: F811
    """The port of an mps2-an386 whose time follows its instructions."""
    assert tinybayes("build", compiled).status == 0
    elf = compiled / "build" / "network.elf"
    emulator = Emulator(elf, load_board("mps2-an386"), extra_arguments=("-icount", "shift=5"))
    yield emulator.url
    emulator.close()


def test_verify_profile_and_monitor(compiled, tinybayes: Command, url):  # noqa: F811
    verified = tinybayes("verify", compiled, "--on", url, "--device-samples", 4, "--json")
    assert verified.status == 0, verified.err
    assert json.loads(verified.out)["verify"][url]["mismatches"] == 0
    profiled = tinybayes("profile", compiled, "--on", url, "--runs", 3, "--json")
    assert profiled.status == 0, profiled.out
    assert json.loads(profiled.out)["total"]["median_cycles"] > 0
    watched = tinybayes("monitor", "--on", url, "--dir", compiled, "--echoes", 5)
    assert watched.status == 0, watched.err
    assert "board       mps2-an386 at 25 MHz" in watched.out and "5 frames of 1,024 B, none sent again" in watched.out


def test_a_rack_measures_on_ports(compiled, tinybayes: Command, url, network, tmp_path):  # noqa: F811
    bench = tmp_path / "bench.toml"
    bench.write_text(
        f'samples = 2\nruns = 2\n[[network]]\nname = "small"\nfile = "{network.name}"\nobjective = "flash"\n'
        f'[[board]]\nname = "desk"\nboard = "mps2-an386"\non = "{url}"\n'
    )
    done = tinybayes("rack", "--bench", bench, "--out", tmp_path / "rack", "--json")
    assert done.status == 0, done.out
    (cell,) = json.loads(done.out)["cells"]
    assert (cell["mismatches"], cell["latency_source"]) == (0, "measured") and cell["latency_seconds"] > 0


def test_an_image_of_another_board_or_network(compiled, tinybayes: Command, url, network, tmp_path):  # noqa: F811
    other = tmp_path / "other"
    assert tinybayes("compile", network, "--board", "mps2-an385", "--out", other, "--objective", "flash").status == 0
    refused = tinybayes("verify", other, "--on", url)
    assert refused.status == 3
    assert "the image on the device was made for 'mps2-an386', and the directory for 'mps2-an385'" in refused.err
    assert "flash the directory's image" in refused.err
