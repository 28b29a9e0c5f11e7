"""``tinybayes profile`` on a board in QEMU."""

import json

import pytest

from tests.unit.cli.conftest import Command, compiled, network, tinybayes  # noqa: F401 - fixtures

pytestmark = pytest.mark.emulated


def test_every_layer_is_timed_and_compared(compiled, tinybayes: Command):  # noqa: F811
    done = tinybayes("profile", compiled, "--on", "qemu", "--runs", 5, "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)
    record = json.loads((compiled / "report.json").read_text())
    assert [layer["name"] for layer in found["layers"]] == [layer["name"] for layer in record["layers"]]
    for layer, planned in zip(found["layers"], record["layers"], strict=True):
        assert layer["least_cycles"] <= layer["median_cycles"] <= layer["most_cycles"]
        assert layer["least_cycles"] > 0 and layer["spread_cycles"] <= 2, "QEMU counts instructions, which repeat"
        assert layer["predicted_cycles"] >= planned["cycles"] > 0
        assert layer["ratio"] == pytest.approx(layer["median_cycles"] / layer["predicted_cycles"])
    assert found["runs"] == 5 and found["board"] == "mps2-an386" and not found["real_cycles"]
    assert found["seconds"] == pytest.approx(found["total"]["median_cycles"] / found["clock_hz"])


def test_the_table_says_what_qemu_is_worth(compiled, tinybayes: Command):  # noqa: F811
    done = tinybayes("profile", compiled, "--on", "qemu", "--runs", 2)
    assert done.status == 0, done.err
    assert "predicted" in done.out and "these are no cycles of the chip" in done.out


def test_the_host_has_no_cycles(compiled, tinybayes: Command):  # noqa: F811
    done = tinybayes("profile", compiled, "--on", "host")
    assert done.status == 2 and "layers are timed on a device; give qemu or the URL" in done.err
