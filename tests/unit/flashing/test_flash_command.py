"""``tinybayes flash`` as a user types it."""

import json

from tests.unit.cli.conftest import Command, network, tinybayes  # noqa: F401 - fixtures
from tests.unit.flashing.test_uf2_and_hex import RP2040, read_uf2


def test_a_pico_whose_drive_is_given(tinybayes: Command, network, tmp_path):  # noqa: F811
    out, drive = tmp_path / "out", tmp_path / "RPI-RP2"
    assert tinybayes("compile", network, "--board", "pico", "--out", out).status == 0
    dry = tinybayes("flash", out, "--drive", drive, "--dry-run")
    assert dry.status == 0 and dry.out == f"cp {out}/build/network.uf2 {drive}/\n"
    assert not (out / "build").exists()
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    done = tinybayes("flash", out, "--drive", drive, "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["flashed"]
    address, image, families = read_uf2((drive / "network.uf2").read_bytes())
    assert (address, families) == (0x1000_0000, {RP2040}) and len(image) > 2000


def test_a_board_that_exists_in_qemu_only(tinybayes: Command, network, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    assert tinybayes("compile", network, "--board", "mps2-an386", "--out", out).status == 0
    refused = tinybayes("flash", out, "--dry-run")
    assert refused.status == 2 and "there is nothing to flash; use --on qemu" in refused.err
