"""Commands that go right: exit status 0, what they print, what they leave."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.golden.networks import three_formats
from tests.unit.cli.conftest import Command
from tinybayes.reference import execute, quantize_input


def test_compile_prints_the_record_as_one_json_object(tinybayes: Command, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = tinybayes("compile", network, "--board", "mps2-an386", "--out", out, "--objective", "flash", "--json")
    assert (done.status, done.err) == (0, "")
    record = json.loads(done.out)
    assert record == json.loads((out / "report.json").read_text())
    assert record["board"]["name"] == "mps2-an386"
    assert sum(layer["weights_bytes"] for layer in record["layers"]) == record["flash"]["weights_bytes"] == 100
    assert record["ram"]["arena_bytes"] == 10
    # What is not known yet is null, never 0 and never a guess.
    assert record["flash"]["image_bytes"] is record["latency"]["instructions"] is record["ram"]["stack_bytes"] is None
    assert (out / "network.tbn").read_bytes() == network.read_bytes()


def test_compile_says_what_to_do_next(tinybayes: Command, network: Path, tmp_path: Path) -> None:
    done = tinybayes("compile", network, "--board", "mps2-an386", "--out", tmp_path / "out", "--name", "wake_word")
    assert done.status == 0
    assert f"next: tinybayes verify {tmp_path / 'out'} --on host,qemu" in done.out
    assert (tmp_path / "out" / "network" / "wake_word.h").is_file()


def test_a_board_that_qemu_does_not_have_is_verified_on_the_host(
    tinybayes: Command, network: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = tinybayes("compile", network, "--board", "nucleo-l4r5zi", "--out", out)
    assert f"next: tinybayes verify {out} --on host, then tinybayes flash {out}\n" in done.out
    done = tinybayes("verify", out, "--json")
    assert done.status == 0, done.err
    assert list(json.loads(done.out)["verify"]) == ["host"]


def test_compiling_again_replaces_the_earlier_result(tinybayes: Command, network: Path, compiled: Path) -> None:
    done = tinybayes("compile", network, "--board", "mps2-an386", "--out", compiled, "--name", "other")
    assert done.status == 0
    names = {path.name for path in (compiled / "network").iterdir()}
    assert "other.c" in names
    assert not [name for name in names if name.startswith("network")]


def test_run_writes_real_values_and_codes(tinybayes: Command, compiled: Path, samples: Path, tmp_path: Path) -> None:
    result = tmp_path / "y.npz"
    done = tinybayes("run", compiled, "--on", "host", "--input", samples, "--output", result, "--json")
    assert done.status == 0, done.err
    facts = json.loads(done.out)
    graph = three_formats()
    with np.load(samples) as given:
        x, y = given["x"], given["y"]
    codes = execute(graph, quantize_input(graph, x))[graph.output]
    with np.load(result) as written:
        np.testing.assert_array_equal(written["q"], codes)
        np.testing.assert_array_equal(written["y"], codes * np.float32(graph.output_tensor.scale))
    assert facts["samples"] == 20
    assert facts["accuracy"] == (codes.argmax(axis=1) == y).mean()


def test_verify_on_the_host_needs_no_build(tinybayes: Command, compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = tinybayes("verify", compiled, "--on", "host", "--json")
    assert done.status == 0, done.err
    verdict = json.loads(done.out)["verify"]["host"]
    assert verdict == {"samples": 256, "tensors_compared": 768, "mismatches": 0, "first_mismatch": None}
    assert json.loads((compiled / "report.json").read_text())["verify"]["host"] == verdict
    assert not (compiled / "build").exists()


def test_verify_with_labelled_data_states_the_accuracy(tinybayes: Command, compiled: Path, samples: Path) -> None:
    done = tinybayes("verify", compiled, "--on", "host", "--data", samples)
    assert done.status == 0, done.err
    assert "bit-exact: 20 samples, 60 tensors compared" in done.out
    assert "accuracy reference" in done.out


def test_report_writes_one_page_without_links_to_elsewhere(tinybayes: Command, compiled: Path) -> None:
    done = tinybayes("report", compiled, "--json")
    assert done.status == 0, done.err
    page = Path(json.loads(done.out)["report"])
    text = page.read_text()
    assert page == compiled / "report.html"
    assert "<html" in text
    for fetched in ('src="http', 'href="http', "@import", "url(http"):
        assert fetched not in text


def test_doctor_is_one_json_object(tinybayes: Command) -> None:
    done = tinybayes("doctor", "--json")
    found = json.loads(done.out)
    assert done.status == (0 if found["usable"] else 3)
    assert {"arm-none-eabi-gcc", "qemu-system-arm", "cmake", "ninja", "numpy"} <= {t["name"] for t in found["tools"]}


def test_boards_for_people(tinybayes: Command) -> None:
    done = tinybayes("boards")
    assert done.status == 0
    rows = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "name core clock flash RAM emulated tier" in rows
    assert "mps2-an386 cortex-m4 25 MHz 4 MiB 4 MiB yes 1" in rows
    assert "stm32vldiscovery cortex-m3 24 MHz 128 KiB 8 KiB yes 1" in rows
    assert "pico cortex-m0plus 125 MHz 2 MiB 264 KiB no 3" in rows


def test_compress_makes_a_network_that_compiles(
    tinybayes: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain_model.py").write_text(
        "import torch\n\n\ndef network():\n    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Linear(16, 12), torch.nn.ReLU(), torch.nn.Linear(12, 3))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    data, net = tmp_path / "typical.npz", tmp_path / "net.tbn"
    np.savez(data, x=np.random.default_rng(0).normal(size=(64, 16)).astype(np.float32))
    options = ("--calibration", data, "--out", net)
    done = tinybayes("compress", "plain_model:network", *options, "--sparsity", 0.5, "--max-drop", 40, "--json")
    assert done.status == 0, done.err
    figures = json.loads(done.out)
    assert figures["file_bytes"] == net.stat().st_size
    assert (figures["levels"], figures["labelled"]) == (15, False)
    assert figures["sparsity"] >= 0.49
    out = tmp_path / "compressed"
    assert tinybayes("compile", net, "--board", "mps2-an386", "--out", out).status == 0
    told = tinybayes("compress", "plain_model:network", *options, "--max-drop", 40)
    assert "classes that changed" in told.out and f"next: tinybayes compile {net}" in told.out
    refused = tinybayes("compress", "plain_model:network", *options, "--bits", 12)
    assert refused.status == 2 and "--bits: got 12, wanted 1 to 8" in refused.err


def test_build_says_what_stack_is_promised_and_reserved(tinybayes: Command, compiled: Path) -> None:
    done = tinybayes("build", compiled)
    assert done.status == 0, done.err
    ram = json.loads((compiled / "report.json").read_text())["ram"]
    assert f"stack   at most {ram['stack_bytes']:,} B, {ram['reserved_stack_bytes']:,} B reserved" in done.out


def test_a_core_alone_gives_a_library(tinybayes: Command, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = tinybayes("compile", network, "--board", "cortex-m0plus", "--out", out)
    assert done.status == 0, done.err
    assert f"next: tinybayes verify {out} --on host\n" in done.out
    done = tinybayes("build", out)
    assert done.status == 0, done.err
    ram = json.loads((out / "report.json").read_text())["ram"]
    assert f"stack   at most {ram['network_stack_bytes']} B for one inference" in done.out
    assert str(out / "build/libnetwork.a") in done.out
    assert tinybayes("verify", out, "--on", "host").status == 0
    refused = tinybayes("verify", out, "--on", "host,qemu")
    assert refused.status == 2
    assert "holds a library for cortex-m0plus, which runs on host only; compile for microbit" in refused.err


def test_boards_lists_cores_without_chip(tinybayes: Command) -> None:
    rows = {row["name"]: row for row in json.loads(tinybayes("boards", "--json").out)["boards"]}
    assert rows["cortex-m33"] == {
        "name": "cortex-m33",
        "title": "Arm Cortex-M33, library only",
        "chip": None,
        "core": "cortex-m33",
        "emulated": False,
        "tier": 2,
    }
    assert rows["mps2-an386"]["chip"] == "an386"
