"""A matrix on boards in QEMU: run, interrupted, taken up, and compared with the last time."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command, network, tinybayes  # noqa: F401 - fixtures
from tinybayes.errors import FileFormatError
from tinybayes.rack import CellResult, Store, find_regressions, matrix, read_bench, run_matrix
from tinybayes.rack.plots import draw_pictures

CELL = CellResult(
    "net", "board", "key", flash_bytes=1000, ram_bytes=500, samples=4, mismatches=0, latency_seconds=1e-3,
    latency_source="emulated",
)  # fmt: skip


@pytest.fixture
def bench(network: Path) -> Path:  # noqa: F811
    boards = "".join(
        f'[[board]]\nname = "{name}"\nboard = "{name}"\non = "qemu"\n' for name in ("mps2-an386", "microbit")
    )
    file = network.parent / "bench.toml"
    file.write_text(f'samples = 2\n[[network]]\nname = "small"\nfile = "{network.name}"\n{boards}')
    return file


@pytest.mark.emulated
def test_a_matrix_on_boards_in_qemu(bench, tinybayes: Command, tmp_path):  # noqa: F811
    out = tmp_path / "rack"
    first = tinybayes("rack", "--bench", bench, "--out", out, "--json")
    assert first.status == 0, first.out + first.err
    found = json.loads(first.out)
    assert [(c["network"], c["board"], c["mismatches"], c["samples"]) for c in found["cells"]] == [
        ("small", "microbit", 0, 2),
        ("small", "mps2-an386", 0, 2),
    ]
    assert all(c["latency_source"] == "emulated" and c["latency_seconds"] > 0 for c in found["cells"])
    for picture in ("latency.png", "flash.png", "ram.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
    # The run is complete, so all is run again, and nothing is worse; then the last run is made out to be better.
    with sqlite3.connect(out / "results.sqlite") as store:
        store.execute("UPDATE cells SET flash_bytes = flash_bytes / 2 WHERE board = 'microbit'")
    store.close()
    second = tinybayes("rack", "--bench", bench, "--out", out)
    assert second.status == 1
    assert "worse: small on microbit: flash_bytes" in second.out and "more than 1.01" in second.out
    assert "mps2-an386: flash_bytes" not in second.out


def measured(monkeypatch, outcomes: dict[str, CellResult | BaseException]) -> list[str]:
    """Lets cells come out as told; the boards that were asked, in order."""
    asked: list[str] = []

    def measure(bench, network, board, result, where):  # noqa: F811
        asked.append(board.name)
        outcome = outcomes.get(board.name, CELL)
        if isinstance(outcome, BaseException):
            raise outcome
        return replace(outcome, network=network.name, board=board.name, key=result.key)

    monkeypatch.setattr(matrix, "_measure", measure)
    return asked


def test_an_interrupted_run_is_taken_up(bench, monkeypatch, tmp_path):
    wanted = read_bench(bench)
    with Store(tmp_path / "r.sqlite") as store:
        measured(monkeypatch, {"microbit": KeyboardInterrupt()})
        with pytest.raises(KeyboardInterrupt):
            run_matrix(wanted, store, tmp_path, jobs=1)
    with Store(tmp_path / "r.sqlite") as store:
        asked = measured(monkeypatch, {})
        outcome = run_matrix(wanted, store, tmp_path, jobs=1)
        assert asked == ["microbit"] and outcome.taken_up == 1 and outcome.run == 1
        assert outcome.exit_status == 0 and len(outcome.cells) == 2
        again = run_matrix(wanted, store, tmp_path)
        assert again.run == 2 and again.taken_up == 0


def test_a_run_is_not_taken_up_with_another_network(bench, network, monkeypatch, tmp_path):  # noqa: F811
    with Store(tmp_path / "r.sqlite") as store:
        measured(monkeypatch, {"microbit": KeyboardInterrupt()})
        with pytest.raises(KeyboardInterrupt):
            run_matrix(read_bench(bench), store, tmp_path, jobs=1)
        network.write_bytes(network.read_bytes() + b"changed")
        asked = measured(monkeypatch, {})
        run_matrix(read_bench(bench), store, tmp_path, jobs=1)
        assert asked == ["mps2-an386", "microbit"]


def test_fresh_forgets_the_interrupted_run(bench, monkeypatch, tmp_path):
    with Store(tmp_path / "r.sqlite") as store:
        measured(monkeypatch, {"microbit": KeyboardInterrupt()})
        with pytest.raises(KeyboardInterrupt):
            run_matrix(read_bench(bench), store, tmp_path, jobs=1)
        asked = measured(monkeypatch, {})
        assert run_matrix(read_bench(bench), store, tmp_path, jobs=1, fresh=True).taken_up == 0
        assert len(asked) == 2


def test_a_board_that_fails_does_not_stop_the_others(bench, tinybayes: Command, monkeypatch, tmp_path):  # noqa: F811
    text = bench.read_text() + '[[board]]\nname = "gone"\nboard = "pico"\non = "/dev/nothing"\n'
    bench.write_text(text)
    from tinybayes.errors import DeviceError

    measured(monkeypatch, {"gone": DeviceError("/dev/nothing: cannot open")})
    done = tinybayes("rack", "--bench", bench, "--out", tmp_path / "rack")
    assert done.status == 3 and "small on gone: /dev/nothing: cannot open" in done.out
    assert done.out.count("bit-exact") == 2


def test_a_board_that_cannot_be_reached_has_its_sizes_all_the_same(bench, tinybayes: Command, tmp_path):  # noqa: F811
    boards = '[[board]]\nname = "gone"\nboard = "pico"\non = "socket://127.0.0.1:9"\n'
    bench.write_text(bench.read_text().partition("[[board]]")[0] + boards)
    done = tinybayes("rack", "--bench", bench, "--out", tmp_path / "rack", "--json")
    assert done.status == 3
    (cell,) = json.loads(done.out)["cells"]
    assert "cannot open" in cell["error"] and cell["flash_bytes"] > 2000 and cell["latency_seconds"] is None


def test_a_rack_of_picos_needs_no_button(bench, network, tinybayes: Command, tmp_path):  # noqa: F811
    """The first time the button was pressed; the image that runs now gives way to the next by itself."""
    out, drive = tmp_path / "out", tmp_path / "RPI-RP2"
    assert tinybayes("compile", network, "--board", "pico", "--out", out).status == 0
    drive.mkdir()
    command = [sys.executable, "-m", "tinybayes", "fake-board", str(out), "--drive", str(drive), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = json.loads("".join(process.stdout.readline() for _ in range(3)))["url"]
            board = f'[[board]]\nname = "desk"\nboard = "pico"\non = "{url}"\nflash = true\ndrive = "{drive}"\n'
            bench.write_text(bench.read_text().partition("[[board]]")[0] + board)
            done = tinybayes("rack", "--bench", bench, "--out", tmp_path / "rack", "--json")
            assert done.status == 0, done.out + done.err
            (cell,) = json.loads(done.out)["cells"]
            assert cell["latency_source"] == "measured" and cell["mismatches"] == 0
            assert not list(drive.iterdir()), "the image was taken"
        finally:
            process.terminate()


def test_boards_on_one_port_wait_for_each_other(bench, monkeypatch, tmp_path):
    entry = '[[board]]\nname = "{0}"\nboard = "pico"\non = "/dev/ttyACM0"\n'
    bench.write_text(bench.read_text() + entry.format("a") + entry.format("b"))
    busy: list[str] = []

    def measure(bench, network, board, result, where):  # noqa: F811
        if board.on != "qemu":
            assert not busy, "two boards on one port at a time"
            busy.append(board.name)
            import time

            time.sleep(0.05)
            busy.pop()
        return replace(CELL, network=network.name, board=board.name, key=result.key)

    monkeypatch.setattr(matrix, "_measure", measure)
    with Store(tmp_path / "r.sqlite") as store:
        assert run_matrix(read_bench(bench), store, tmp_path, jobs=4).exit_status == 0


@pytest.mark.parametrize(
    ("change", "figures"),
    [
        ({}, []),
        ({"flash_bytes": 1010}, []),
        ({"flash_bytes": 1011}, ["flash_bytes"]),
        ({"ram_bytes": 600, "latency_seconds": 1.1e-3}, ["ram_bytes", "latency_seconds"]),
        ({"latency_seconds": 5e-3, "latency_source": "measured"}, []),
        ({"flash_bytes": 2000, "exit_status": 3}, []),
    ],
)
def test_what_is_a_regression(change, figures):
    found = find_regressions({("net", "board"): CELL}, [replace(CELL, **change)], memory_ratio=1.01, latency_ratio=1.02)
    assert [one.figure for one in found] == figures


def test_pictures_say_what_failed_and_what_was_before(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    said: list[str] = []
    draw = Axes.text
    monkeypatch.setattr(Axes, "text", lambda axes, x, y, s, **more: said.append(s) or draw(axes, x, y, s, **more))
    cells = (
        CELL,
        replace(CELL, board="gone", exit_status=3, error="cannot open", latency_seconds=None),
        replace(CELL, board="wrong", exit_status=1, mismatches=2, latency_seconds=None),
    )
    draw_pictures(cells, tmp_path, {("net", "board"): replace(CELL, latency_seconds=0.5e-3)})
    assert said[:3] == ["1  (+100.0%)", "failed", "differs"]
    assert said[3:6] == ["0.977", "0.977", "0.977"]


def test_a_file_that_is_no_store(tmp_path):
    (tmp_path / "a").write_bytes(b"something else altogether" * 100)
    with pytest.raises(FileFormatError, match="not a store of results"):
        Store(tmp_path / "a")
    with sqlite3.connect(tmp_path / "b") as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(FileFormatError, match="version 0, wanted 1; move it away"):
        Store(tmp_path / "b")
