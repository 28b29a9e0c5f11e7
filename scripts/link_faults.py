"""The fault campaign: a client uses a board over a line that fails by a seeded plan; no wrong result may be accepted.

    make faults
    python -m scripts.link_faults --faults 10000 --seed 1 --on fake --workers 4 --json out/faults.json
    python -m scripts.link_faults --on qemu --board microbit

QEMU's boards answer byte by byte, each of them a piece of its own, so that fewer of the pieces are damaged there.

Exits with 1 where a result was wrong or an operation took longer than a minute.
"""

import argparse
import json
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

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


def expected_of(deployment: Deployment, count: int = 32) -> Expected:
    """Random inputs, and what the host's code leaves for them, which is what the reference computes."""
    elements = deployment.plan.graph.input_tensor.elements
    inputs = np.random.default_rng(2).integers(-128, 128, (count, elements)).astype(np.int8)
    with HostRunner(deployment.directory / "network", deployment.name) as host:
        tensors = [[host.tensor(row, step).tobytes() for step in range(host.steps)] for row in inputs]
    return Expected(deployment.digest, inputs, tensors)


def run_one(directory: Path, on: str, seed: int, faults: int) -> Tally:
    """One worker with a board of its own."""
    deployment = Deployment.open(directory)
    expected = expected_of(deployment)
    if on == "fake":
        board: FakeBoard | Emulator = FakeBoard(directory / "fake_board")
    else:
        elf = directory / "build" / f"{deployment.name}.elf"
        board = Emulator(elf, deployment.board, restarts=True)
    try:
        host, port = board.url.removeprefix("socket://").split(":")
        return campaign((host, int(port)), expected, seed=seed, faults=faults, share=SHARES[on])
    finally:
        board.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--on", choices=("fake", "qemu"), default="fake")
    parser.add_argument("--board", choices=[name for name in list_boards() if load_board(name).emulated], default=BOARD)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        directory = Path(work) / "out"
        deployment = compile_network(padded_series(), load_board(options.board), directory, objective="flash")
        if options.on == "fake":
            build_fake_board(directory, deployment.name, directory / "fake_board")
        else:
            deployment.build()
        share = -(-options.faults // options.workers)
        total = Tally()
        with ProcessPoolExecutor(options.workers) as pool:
            seeds = [1000 * options.seed + worker for worker in range(options.workers)]
            jobs = [pool.submit(run_one, directory, options.on, seed, share) for seed in seeds]
            for job in jobs:
                total.add(job.result())
    chosen = {"board": options.board, "on": options.on, "seed": options.seed, "workers": options.workers}
    record = {**chosen, **total.record()}
    text = json.dumps(record, indent=1)
    print(text)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n")
    sys.exit(1 if total.wrong or total.hangs else 0)


if __name__ == "__main__":
    main()
