"""Bad input: the exit status, one message that helps, and nothing half-written."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.golden.networks import three_formats
from tests.unit.cli.conftest import Command, Outcome
from tinybayes.reference import execute
from tinybayes.report.verdict import random_inputs

BOARD = ("--board", "mps2-an386")


def one_message(done: Outcome, status: int, *parts: str) -> None:
    """The message is one line on standard error, and standard output stays clean."""
    assert done.status == status, done.err
    assert done.out == ""
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, done.err
    assert lines[0].startswith("error: ")
    for part in parts:
        assert part in lines[0]


def test_with_json_the_error_is_the_one_object(tinybayes: Command, tmp_path: Path) -> None:
    done = tinybayes("compile", tmp_path / "none.tbn", *BOARD, "--out", tmp_path / "out", "--json")
    error = json.loads(done.out)["error"]
    assert (done.status, done.err) == (2, "")
    assert error["exit_status"] == 2
    assert "none.tbn" in error["message"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("compile",), "Missing"),
        (("frobnicate",), "No such command 'frobnicate'"),
        (("compile", "x.tbn", "--bord", "b"), "--bord"),
    ],
)
def test_wrong_usage(tinybayes: Command, arguments: tuple[str, ...], part: str) -> None:
    done = tinybayes(*arguments)
    assert done.status == 2
    assert part in done.err


def test_an_unknown_board_suggests_near_names(tinybayes: Command, network: Path, tmp_path: Path) -> None:
    done = tinybayes("compile", network, "--board", "mps2-an368", "--out", tmp_path / "out")
    one_message(done, 2, "'mps2-an368'", "Did you mean", "'mps2-an386'")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value", "part"),
    [
        ("--objective", "flsh", "choose one of flash, latency, balanced. Did you mean 'flash'?"),
        ("--scales", "layers", "--scales: got 'layers'; wanted channel or layer. Did you mean 'layer'?"),
        ("--recurrent-bits", "12", "--recurrent-bits: got 12; wanted 8 or 16"),
        ("--protocol", "frame", "Did you mean 'frames'?"),
        ("--name", "Not C", "wanted a lower-case C name"),
        ("--max-flash", "much", "--max-flash: got 'much', wanted a number of bytes"),
        ("--max-latency", "10", "--max-latency: got '10', wanted a time in s, ms or us"),
        ("--name", "stdint", "'stdint' is taken"),
    ],
)
def test_a_wrong_option_writes_nothing(
    tinybayes: Command, network: Path, tmp_path: Path, option: str, value: str, part: str
) -> None:
    done = tinybayes("compile", network, *BOARD, "--out", tmp_path / "out", option, value)
    one_message(done, 2, part)
    assert not (tmp_path / "out").exists()


def test_a_directory_that_is_not_ours(tinybayes: Command, network: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "network.tbn").write_text("my own")
    one_message(
        tinybayes("compile", network, *BOARD, "--out", mine), 2, "was not made by tinybayes", "nothing was written"
    )
    assert [path.name for path in mine.iterdir()] == ["network.tbn"]
    assert (mine / "network.tbn").read_text() == "my own"


@pytest.mark.parametrize(
    ("option", "size", "parts"),
    [
        (
            "--max-flash",
            "50",
            ("at best 100 bytes of weights", "layer 'hidden.1' takes most", "50 more than the 50"),
        ),
        # input and output, 16 + 3, the longest request, and the ring that receives one as it is encoded
        ("--max-ram", "8", ("at best 10 bytes of arena", "with 32867 bytes of buffers is 32869 more than the 8 of")),
    ],
)
def test_a_network_that_does_not_fit(
    tinybayes: Command, network: Path, tmp_path: Path, option: str, size: str, parts: tuple[str, ...]
) -> None:
    done = tinybayes("compile", network, *BOARD, "--out", tmp_path / "out", "--objective", "flash", option, size)
    one_message(done, 1, *parts)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("length", [0, 3, 20, 100, -1])
def test_a_truncated_network_file(tinybayes: Command, network: Path, tmp_path: Path, length: int) -> None:
    network.write_bytes(network.read_bytes()[:length])
    one_message(tinybayes("compile", network, *BOARD, "--out", tmp_path / "out"), 2, str(network))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", [0.0, 0.01, 0.3, 0.7, 0.999])
def test_a_flipped_bit_in_a_network_file(tinybayes: Command, network: Path, tmp_path: Path, place: float) -> None:
    data = bytearray(network.read_bytes())
    data[int(place * len(data))] ^= 0x10
    network.write_bytes(data)
    one_message(tinybayes("compile", network, *BOARD, "--out", tmp_path / "out"), 2, str(network))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("model", ["no-such-file.tbn", "model.onnx", "directory/model"])
def test_a_model_that_is_not_there(tinybayes: Command, tmp_path: Path, model: str) -> None:
    done = tinybayes("compile", model, *BOARD, "--out", tmp_path / "out")
    one_message(done, 2, model.split(":", maxsplit=1)[0])


@pytest.mark.parametrize(
    ("arrays", "part"),
    [
        ({"x": np.zeros((4, 15), np.float32)}, "x has samples of shape (15,), the network takes (16,)"),
        ({"x": np.zeros((4, 16))}, "x must be float32"),
        ({"x": np.zeros((0, 16), np.float32)}, "at least one sample"),
        ({"z": np.zeros((4, 16), np.float32)}, "wanted an .npz file with an array 'x', got z"),
        ({"x": np.full((4, 16), np.nan, np.float32)}, "x holds NaN or infinity, first in sample 0"),
        ({"x": np.zeros((4, 16), np.float32), "y": np.zeros(3, np.int64)}, "y must be 4 integer labels"),
        ({"x": np.array([{"a": 1}] * 2, dtype=object)}, "cannot be read as .npz"),
    ],
)
def test_bad_data_files(
    tinybayes: Command, compiled: Path, tmp_path: Path, arrays: dict[str, np.ndarray], part: str
) -> None:
    data, result = tmp_path / "data.npz", tmp_path / "y.npz"
    np.savez(data, **arrays)
    one_message(tinybayes("run", compiled, "--input", data, "--output", result), 2, str(data), part)
    assert not result.exists()


@pytest.mark.parametrize("content", [b"PK\x03\x04 but nothing behind it", b"plain text", b""])
def test_a_data_file_that_is_no_archive(tinybayes: Command, compiled: Path, tmp_path: Path, content: bytes) -> None:
    data = tmp_path / "data.npz"
    data.write_bytes(content)
    one_message(tinybayes("verify", compiled, "--on", "host", "--data", data), 2, str(data), "is no .npz file")


def test_a_directory_without_a_compiled_network(tinybayes: Command, tmp_path: Path) -> None:
    for command in ("build", "verify", "report"):
        one_message(tinybayes(command, tmp_path), 2, "holds no report.json", "tinybayes compile")


def test_a_differing_weight_is_found_with_layer_index_expected_and_got(tinybayes: Command, compiled: Path) -> None:
    source = compiled / "network" / "network_weights.c"
    text = source.read_text()
    assert text.count("-12, -6,") == 1
    source.write_text(text.replace("-12, -6,", "-13, -6,"))
    done = tinybayes("verify", compiled, "--on", "host")
    assert done.status == 1
    place = r"error: host differs first in sample (\d+), layer 'hidden\.1' \(tensor 'b'\), index 0"
    found = re.search(place + r": expected (\d+), got (\d+)", done.err)
    assert found, done.err
    sample, expected, got = (int(number) for number in found.groups())
    graph = three_formats()
    assert execute(graph, random_inputs(graph))["b"][sample, 0] == expected != got
    recorded = json.loads((compiled / "report.json").read_text())["verify"]["host"]
    assert recorded["mismatches"] > 0
    assert recorded["first_mismatch"] == {
        "sample": sample, "layer": "hidden.1", "tensor": "b", "index": 0, "expected": expected, "got": got,
    }  # fmt: skip


def test_build_without_the_cross_compiler(
    tinybayes: Command, compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("cmake", "ninja"):
        (programs / name).write_text("#!/bin/sh\nexit 1\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    done = tinybayes("build", compiled)
    one_message(done, 3, "arm-none-eabi-gcc was not found", "sudo apt-get install -y gcc-arm-none-eabi")
    done = tinybayes("verify", compiled, "--on", "host")
    assert done.status == 3
    assert "sudo apt-get install -y gcc libc6-dev" in done.err


def test_running_on_qemu_without_qemu(
    tinybayes: Command, compiled: Path, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tinybayes.deployment.build_firmware", lambda *_args, **_options: tmp_path / "network.elf")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = tinybayes("run", compiled, "--on", "qemu", "--input", samples, "--output", tmp_path / "y.npz")
    assert done.status == 3
    assert re.search("apt-get install.* qemu-system-arm", done.err)
    assert not (tmp_path / "y.npz").exists()


def test_a_bare_image_cannot_be_asked(tinybayes: Command, network: Path, samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "bare"
    assert tinybayes("compile", network, *BOARD, "--out", out, "--protocol", "none").status == 0
    done = tinybayes("run", out, "--on", "qemu", "--input", samples, "--output", tmp_path / "y.npz")
    assert done.status == 2
    assert "compile with --protocol frames" in done.err


def test_an_image_beyond_the_limit_is_refused_with_the_smallest_there_is(
    tinybayes: Command, network: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("compile", network, *BOARD, "--out", out, "--objective", "flash", "--protocol", "none", "--max-flash")
    done = tinybayes(*command, "1K")
    one_message(done, 1, "the smallest image that was found takes ", "more than the 1024 of --max-flash")
    image = re.search(r"takes (\d+) bytes of flash", done.err)
    assert image is not None
    assert not out.exists()
    assert tinybayes(*command, image[1]).status == tinybayes("build", out).status == 0
    assert json.loads((out / "report.json").read_text())["flash"]["image_bytes"] == int(image[1])


def test_limits_without_a_compiler_bound_constants_and_say_so(
    tinybayes: Command, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    command = ("compile", network, *BOARD, "--objective", "flash", "--max-flash", "1K")
    done = tinybayes(*command, "--out", tmp_path / "out")
    assert done.status == 0
    assert "the whole image was not measured" in " ".join(done.out.split()).lower()
    assert (
        json.loads(tinybayes(*command, "--out", tmp_path / "other", "--json").out)["limits"]["image_measured"] is False
    )


def test_a_path_that_cannot_be_written_is_wrong_input(
    tinybayes: Command, network: Path, compiled: Path, samples: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    nowhere = tmp_path / "file" / "deeper"
    one_message(tinybayes("compile", network, *BOARD, "--out", nowhere), 2, str(nowhere), "Not a directory")
    result = tmp_path / "missing" / "y.npz"
    done = tinybayes("run", compiled, "--on", "host", "--input", samples, "--output", result)
    one_message(done, 2, f"there is no directory {result.parent}")


def test_a_limit_of_any_size_is_a_number(tinybayes: Command, network: Path, tmp_path: Path) -> None:
    limit = ("--max-ram", "9" * 400 + "M")
    assert tinybayes("compile", network, *BOARD, "--out", tmp_path / "out", *limit).status == 0


def test_verifying_nowhere_is_not_a_success(tinybayes: Command, compiled: Path) -> None:
    one_message(tinybayes("verify", compiled, "--on", " ,"), 2, "--on: got ' ,', wanted host, qemu")


def test_a_difference_with_json_is_still_one_object(tinybayes: Command, compiled: Path) -> None:
    source = compiled / "network" / "network_weights.c"
    source.write_text(source.read_text().replace("-12, -6,", "-13, -6,"))
    done = tinybayes("verify", compiled, "--on", "host", "--json")
    assert (done.status, done.err) == (1, "")
    assert json.loads(done.out)["verify"]["host"]["first_mismatch"]["layer"] == "hidden.1"


def test_our_own_bugs_say_so(tinybayes: Command, compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tinybayes.report.html.write_report", fail)
    done = tinybayes("report", compiled)
    assert done.status == 70
    assert "this is a bug in tinybayes, not yours" in done.err


def test_brackets_in_a_message_are_not_markup(tinybayes: Command, tmp_path: Path) -> None:
    one_message(tinybayes("compile", "[bold]x[/bold].tbn", *BOARD, "--out", tmp_path / "o"), 2, "[bold]x[/bold].tbn")
