"""What a user reads where a rack's bench file is wrong, and what a right one gives."""

import pytest

from tests.unit.cli.conftest import network  # noqa: F401 - a fixture
from tinybayes.errors import BoardError, UserError
from tinybayes.rack import read_bench

GOOD = """
samples = 4
[[network]]
name = "small"
file = "small.tbn"
[[board]]
name = "an386"
board = "mps2-an386"
on = "qemu"
[[board]]
name = "desk-pico"
board = "pico"
on = "usb:2e8a:000c"
flash = true
method = "uf2"
"""


def test_a_right_file(network):  # noqa: F811
    file = network.parent / "bench.toml"
    file.write_text(GOOD)
    bench = read_bench(file)
    assert bench.samples == 4 and (bench.memory_ratio, bench.latency_ratio) == (1.01, 1.02)
    assert bench.networks[0].file == network and bench.networks[0].objective == "balanced"
    assert [(b.name, b.on, b.flash, b.method) for b in bench.boards] == [
        ("an386", "qemu", False, None),
        ("desk-pico", "usb:2e8a:000c", True, "uf2"),
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("samples = 4", "sample = 4"), "sample: unknown key. Did you mean 'samples'?"),
        (("samples = 4", "memory_ratio = 0.9"), "memory_ratio: got 0.9, wanted 1 to 100"),
        (('file = "small.tbn"', 'file = "big.tbn"'), "network[1].file: there is no file"),
        (('file = "small.tbn"\n', ""), "network[1].file: is missing, wanted a text"),
        (('"mps2-an386"', '"mps2-an368"'), "board[1].board: there is no board 'mps2-an368'. Did you mean 'mps2-an386'"),
        (('on = "qemu"', 'on = "quemu"'), "board[1].on: got 'quemu', wanted 'qemu' or the URL of a port"),
        (('on = "usb:2e8a:000c"', 'on = "qemu"'), "board[2].on: got 'qemu', which does not emulate pico"),
        (('on = "qemu"', 'on = "qemu"\nflash = true'), "board[1].flash: got true, but mps2-an386 is a board as QEMU"),
        (
            ('method = "uf2"', 'method = "jtag"'),
            "board[2].method: got 'jtag', wanted one of openocd, pyocd, uf2, drive",
        ),
        (('"desk-pico"', '"an386"'), "board[2].name: 'an386' is there twice"),
        (('"small"', '"a/b"'), "network[1].name: got 'a/b', wanted up to 64 letters"),
        (("[[network]]", "[network]"), "network: got {"),
        (("samples = 4", "network = []\n[x]"), "not a TOML file"),
    ],
)
def test_a_wrong_file(network, change, problem):  # noqa: F811
    file = network.parent / "bench.toml"
    assert change[0] in GOOD
    file.write_text(GOOD.replace(*change, 1))
    with pytest.raises(BoardError) as caught:
        read_bench(file)
    assert f"{file}: {problem}" in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(UserError, match=r"bench\.toml: there is no such file"):
        read_bench(tmp_path / "bench.toml")
