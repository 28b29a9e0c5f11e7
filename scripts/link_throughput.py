"""Measures how many bytes of input a second go through a board's link with run-many; writes a table and JSON.

    python -m scripts.link_throughput [BOARD...] [--seconds 5] [--json out/throughput.json]

Boards that QEMU emulates run in QEMU; `fake` is the fake board behind a line of 921,600 baud. The network is small, so
that the line is what takes the time.
"""

import argparse
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.networks import Builder
from tinybayes.boards import Board, list_boards, load_board
from tinybayes.deployment import Deployment
from tinybayes.hil import Link, Session
from tinybayes.ir import Graph
from tinybayes.pipeline import compile_network
from tinybayes.report.verdict import expect
from tinybayes.run.fake_board import Trouble, start_fake_board
from tinybayes.run.qemu import Emulator

LINE_BAUD = 921_600
LINE_BYTES_PER_SECOND = LINE_BAUD / 10
FAKE = "fake"
_BATCH = 50


def network(board: Board) -> Graph:
    """Two classes of as many inputs as one request holds."""
    elements = min(board.link_request_bytes - 8, 1000)
    return Builder(np.random.default_rng(6), (elements,), density=0.05).linear(2).graph()


@contextlib.contextmanager
def session_on(deployment: Deployment, name: str) -> Iterator[tuple[Session, int]]:
    """A session with the network, in QEMU or on the fake board, and the process that it talks to."""
    if name == FAKE:
        place = start_fake_board(deployment.directory, deployment.name, Trouble(baud=LINE_BAUD))
    else:
        place = Emulator(deployment.build(), deployment.board)
    try:
        with Session(Link(place.url), expected_digest=deployment.digest) as session:
            yield session, place.process_id
    finally:
        place.close()


def cpu_seconds(process_id: int) -> float:
    """What a process has taken so far (proc(5): utime and stime)."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(name: str, seconds: float) -> dict[str, object]:
    """One row of the table."""
    board = load_board("mps2-an386" if name == FAKE else name)
    graph = network(board)
    elements = graph.input_tensor.elements
    inputs = np.random.default_rng(1).integers(-128, 128, (_BATCH, elements)).astype(np.int8)
    with tempfile.TemporaryDirectory() as work:
        deployment = compile_network(graph, board, Path(work) / "out", objective="flash")
        expected = expect(deployment.plan, inputs).outputs
        with session_on(deployment, name) as (session, process_id):
            session.run_many(inputs)
            done, begin, begin_cpu = 0, time.monotonic(), cpu_seconds(process_id)
            while (passed := time.monotonic() - begin) < seconds:
                assert np.array_equal(session.run_many(inputs), expected)
                done += _BATCH
            share = (cpu_seconds(process_id) - begin_cpu) / passed
            retries = session.link.retries
    rate = done * elements / passed
    return {
        "board": name,
        "input_bytes": elements,
        "inferences": done,
        "seconds": round(passed, 3),
        "input_bytes_per_second": round(rate),
        "share_of_921600_baud": round(rate / LINE_BYTES_PER_SECOND, 3),
        "cpu_share_of_emulator": round(share, 2),
        "retries": retries,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    emulated = [name for name in list_boards() if load_board(name).emulated]
    parser.add_argument("boards", nargs="*", default=[FAKE, *emulated])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print("| Board | Input, bytes | kB/s of inputs | of 921,600 baud | CPUs of the emulator | retries |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in options.boards:
        row = measure(name, options.seconds)
        rows.append(row)
        print(
            f"| {name} | {row['input_bytes']} | {row['input_bytes_per_second'] / 1000:.1f} | "
            f"{row['share_of_921600_baud']:.0%} | {row['cpu_share_of_emulator']:.2f} | {row['retries']} |",
            flush=True,
        )
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
