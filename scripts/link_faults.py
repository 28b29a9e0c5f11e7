"""The fault campaign: a client uses a board over a line that fails by a seeded plan; no wrong result may be accepted.

    make faults
    python -m scripts.link_faults --on qemu --boards microbit stm32vldiscovery --json out/faults_on_qemu.json

QEMU's boards answer byte by byte, each of them a piece of its own, so that fewer of the pieces are damaged there. They
are reset by their button, so to speak, at any moment; the fake board is asked to reset.

A campaign goes in parts, each with a seed and a board of its own; parts that stand in the JSON file already are not
run again. Exits with 1 where a result was wrong or an operation took longer than a minute.
"""

import argparse
import contextlib
import faulthandler
import json
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from tests.faulty_line import THIRD, Expected, Tally, campaign
from tests.golden.networks import padded_series
from tinybayes.boards import list_boards, load_board
from tinybayes.deployment import Deployment
from tinybayes.pipeline import compile_network
from tinybayes.run.fake_board import FakeBoard, build_fake_board
from tinybayes.run.host import HostRunner
from tinybayes.run.qemu import Emulator

BOARD = "stm32vldiscovery"
SHARES = {"fake": THIRD, "qemu": 0.06}
"""Of the pieces that pass, how many are damaged."""
_PART_FAULTS = 500
_LONGEST_PART_SECONDS = 3600.0


def expected_of(deployment: Deployment, count: int = 32) -> Expected:
    """Random inputs, and what the host's code leaves for them, which is what the reference computes."""
    elements = deployment.plan.graph.input_tensor.elements
    inputs = np.random.default_rng(2).integers(-128, 128, (count, elements)).astype(np.int8)
    with HostRunner(deployment.directory / "network", deployment.name) as host:
        tensors = [[host.tensor(row, step).tobytes() for step in range(host.steps)] for row in inputs]
    return Expected(deployment.digest, inputs, tensors)


def prepare(directory: Path, board: str, on: str) -> None:
    """Compiles the network into ``directory`` and builds what :func:`run_one` starts."""
    deployment = compile_network(padded_series(), load_board(board), directory, objective="flash")
    if on == "fake":
        build_fake_board(directory, deployment.name, directory / "fake_board")
    else:
        deployment.build()


@contextlib.contextmanager
def started(directory: Path, deployment: Deployment, on: str) -> Iterator[tuple[str, Callable[[], None] | None]]:
    """The board's URL, and how to reset it at any moment, where that goes."""
    if on == "fake":
        with FakeBoard(directory / "fake_board") as board:
            yield board.url, None
        return
    elf = directory / "build" / f"{deployment.name}.elf"
    with tempfile.TemporaryDirectory(prefix="tinybayes-") as work:
        control = Path(work) / "qmp"
        arguments = ("-qmp", f"unix:{control},server=on,wait=off")
        emulator = Emulator(elf, deployment.board, extra_arguments=arguments, restarts=True)
        try:
            yield emulator.url, lambda: _reset_emulator(control)
        finally:
            emulator.close()


def _reset_emulator(control: Path) -> None:
    """Presses the reset button, whatever the device is doing (QEMU Machine Protocol: system_reset)."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(control))
        answers = connection.makefile("rb")
        answers.readline()  # the greeting
        for command in ("qmp_capabilities", "system_reset"):
            connection.sendall(json.dumps({"execute": command}).encode())
            while b'"return"' not in (line := answers.readline()):  # events come in between
                if not line or b'"error"' in line:
                    raise RuntimeError(f"QEMU does not take {command}: {line!r}")


def run_one(directory: Path, on: str, seed: int, faults: int) -> Tally:
    """One part, with a board of its own; ``directory`` was prepared."""
    deployment = Deployment.open(directory)
    expected = expected_of(deployment)
    with started(directory, deployment, on) as (url, reset):
        host, port = url.removeprefix("socket://").split(":")
        return campaign((host, int(port)), expected, seed=seed, faults=faults, share=SHARES[on], reset=reset)


def _run_part(directory: Path, on: str, seed: int, faults: int) -> Tally:
    faulthandler.dump_traceback_later(_LONGEST_PART_SECONDS, exit=True)  # should anything hang for good
    try:
        return run_one(directory, on, seed, faults)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _run_board(board: str, on: str, seed: int, faults: int, workers: int, kept: Path | None) -> Tally:
    """All parts of a board, except those that ``kept`` holds already."""
    done: dict[str, dict[str, Any]] = json.loads(kept.read_text()) if kept and kept.is_file() else {}
    sizes = [min(_PART_FAULTS, faults - begin) for begin in range(0, faults, _PART_FAULTS)]
    names = [f"{on} {board} seed {1000 * seed + part} faults {size}" for part, size in enumerate(sizes)]
    with tempfile.TemporaryDirectory() as work, ProcessPoolExecutor(workers) as pool:
        directory = Path(work) / "out"
        if any(name not in done for name in names):
            prepare(directory, board, on)
        jobs = {
            pool.submit(_run_part, directory, on, 1000 * seed + part, size): name
            for part, (name, size) in enumerate(zip(names, sizes, strict=True))
            if name not in done
        }
        for job in as_completed(jobs):
            done[jobs[job]] = job.result().record()
            print(f"{jobs[job]}: {json.dumps(done[jobs[job]])}", file=sys.stderr, flush=True)
            if kept:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(done, indent=1) + "\n")
    total = Tally()
    for name in names:
        total.add(Tally.of(done[name]))
    return total


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=10_000, help="for each board")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--on", choices=("fake", "qemu"), default="fake")
    parser.add_argument(
        "--boards", nargs="+", default=[BOARD], choices=[name for name in list_boards() if load_board(name).emulated]
    )
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--json", type=Path, help="keeps the parts that are done")
    options = parser.parse_args()
    wrong = False
    for board in options.boards:
        total = _run_board(board, options.on, options.seed, options.faults, options.workers, options.json)
        print(json.dumps({"board": board, "on": options.on, "seed": options.seed, **total.record()}, indent=1))
        wrong = wrong or total.wrong > 0 or total.hangs > 0
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
