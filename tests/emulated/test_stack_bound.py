"""The stack that a build promises, against what images really use: never less, and at most 64 bytes more."""

import itertools
import struct
from pathlib import Path

import numpy as np
import pytest

from tests.emulated.gdb_stub import Stub
from tests.golden.networks import averaged_map, padded_series, three_formats
from tests.networks import Builder
from tinybayes import tbn
from tinybayes.boards import Board, list_boards, load_board
from tinybayes.build.elf import read_sections, read_symbols
from tinybayes.deployment import Deployment
from tinybayes.ir import Graph
from tinybayes.pipeline import compile_network
from tinybayes.run.qemu import QemuRunner

pytestmark = pytest.mark.emulated
MOST_SPARE_BYTES = 64
PATTERN = 0xC5A55AC5
EXAMPLES = Path(__file__).parents[2] / "examples"
EMULATED = [name for name in list_boards() if load_board(name).emulated]


def two_dimensional() -> Graph:
    """Convolutions with every kind of pooling, in which all kernels for maps are used."""
    return (
        Builder(np.random.default_rng(3), (8, 7, 3), density=0.4)
        .conv(5, (3, 3), padding=(1, 1, 1, 1))
        .max_pool((2, 2))
        .conv(6, (2, 2))
        .average_pool((3, 2))
        .flatten()
        .linear(4)
        .graph()
    )


def example(name: str) -> Graph:
    return tbn.load(EXAMPLES / f"{name}.tbn")


NETWORKS = {
    "three_formats": three_formats,
    "padded_series": padded_series,
    "averaged_map": averaged_map,
    "two_dimensional": two_dimensional,
    "imu-user-id": lambda: example("imu-user-id"),
    "mnist-lenet300": lambda: example("mnist-lenet300"),
}


def built(graph: Graph, board: Board, out: Path, objective: str, protocol: str) -> Deployment:
    deployment = compile_network(graph, board, out, objective=objective, protocol=protocol)
    deployment.build()
    return deployment


def promised_bytes(deployment: Deployment) -> int:
    return int(deployment.record["ram"]["stack_bytes"])


def spare_bytes(deployment: Deployment, used_bytes: int) -> int:
    """Bytes between what is promised and what was used, which must not be more.

    An interrupt at the worst moment is promised, but no test can make it come then.
    """
    assert used_bytes <= promised_bytes(deployment)
    chain = deployment.record["ram"]["stack_chain"]
    frames = [number for number, one in enumerate(chain) if one["function"] == "exception frame"]
    interrupt_bytes = sum(one["bytes"] for one in chain[frames[0] :]) if frames else 0
    return promised_bytes(deployment) - used_bytes - interrupt_bytes


def used_over_the_link(deployment: Deployment) -> int:
    """Bytes of painted stack that are gone after every request that the protocol has, each in its largest form."""
    elf = deployment.directory / "build" / f"{deployment.name}.elf"
    with QemuRunner(elf, deployment.board, network_digest=deployment.digest) as runner:
        session = runner.session
        size = session.identity.input_len
        inputs = np.random.default_rng(0).integers(-128, 128, (2, size)).astype(np.int8)
        session.echo(b"\1" * min(session.identity.request_bytes, 600))
        session.load_input(inputs[0])
        session.run()
        session.read_output()
        session.trace()
        runner.run(inputs)
        session.run_many(inputs)
        session.self_test()
        session.last_fault()
        for step in range(runner.steps):
            runner.tensor(inputs[0], step)
        return session.stack().used_bytes


def used_in_the_bare_image(deployment: Deployment, work: Path) -> int:
    """Bytes of the stack, painted from outside before the first instruction, that are gone when the image stops."""
    elf = deployment.directory / "build" / f"{deployment.name}.elf"
    (stack,) = (section for section in read_sections(elf) if section.name == ".stack")
    pattern = struct.pack("<I", PATTERN)
    with Stub(elf, deployment.board, work) as stub:
        stub.write(stack.address, pattern * (stack.size_bytes // 4))
        stub.run_to(read_symbols(elf).functions["bench_end"][0])
        left = stub.read(stack.address, stack.size_bytes)
    words = [left[at : at + 4] for at in range(0, len(left), 4)]
    untouched = sum(1 for _ in itertools.takewhile(lambda word: word == pattern, words))
    return stack.size_bytes - 4 * untouched


@pytest.mark.parametrize("objective", ["flash", "latency"])
@pytest.mark.parametrize("network", NETWORKS)
def test_bound_holds_and_is_close_with_the_protocol(network, objective, tmp_path):
    deployment = built(NETWORKS[network](), load_board("mps2-an386"), tmp_path / "out", objective, "frames")
    assert spare_bytes(deployment, used_over_the_link(deployment)) <= MOST_SPARE_BYTES


@pytest.mark.parametrize("network", ["three_formats", "two_dimensional", "imu-user-id"])
def test_bound_holds_and_is_close_in_the_bare_image(network, tmp_path):
    deployment = built(NETWORKS[network](), load_board("mps2-an386"), tmp_path / "out", "flash", "none")
    assert spare_bytes(deployment, used_in_the_bare_image(deployment, tmp_path)) <= MOST_SPARE_BYTES


QUICK = ("mps2-an386", "microbit", "mps3-an547")
"""Armv6-M, Armv7E-M and Armv8.1-M: a core that pushes little, one with a floating-point unit, one with vectors."""


@pytest.mark.parametrize("board", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in EMULATED])
def test_bound_holds_and_is_close_on_every_board(board, tmp_path):
    framed = built(three_formats(), load_board(board), tmp_path / "framed", "flash", "frames")
    assert spare_bytes(framed, used_over_the_link(framed)) <= MOST_SPARE_BYTES
    bare = built(padded_series(), load_board(board), tmp_path / "bare", "flash", "none")
    assert spare_bytes(bare, used_in_the_bare_image(bare, tmp_path)) <= MOST_SPARE_BYTES
