"""The fake board: the firmware's own code behind a line with a speed, a FIFO that overflows, latency and faults."""

import json
import re
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.golden.networks import three_formats
from tinybayes.boards import load_board
from tinybayes.deployment import Deployment
from tinybayes.errors import DeviceError, UserError
from tinybayes.hil import Link, Session
from tinybayes.hil.frames import Status
from tinybayes.pipeline import compile_network
from tinybayes.report.verdict import expect, random_inputs
from tinybayes.run.fake_board import FakeBoard, Trouble, build_fake_board, start_fake_board


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    out = tmp_path_factory.mktemp("fake") / "out"
    return compile_network(three_formats(), load_board("stm32vldiscovery"), out, objective="flash")


@pytest.fixture(scope="module")
def program(deployment, tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "fake_board"
    build_fake_board(deployment.directory, deployment.name, path)
    return path


def run_many(program, deployment: Deployment, trouble: Trouble, count: int, terminal: bool = False) -> int:
    """The retries that ``count`` right results took."""
    inputs = random_inputs(deployment.plan.graph, count)
    with (
        FakeBoard(program, trouble, terminal=terminal) as board,
        Session(Link(board.url, timeout_seconds=1.0, attempts=20), expected_digest=deployment.digest) as session,
    ):
        outputs = session.run_many(inputs)
        assert all(test.wrong_step is None for test in session.self_test())
        assert len(session.self_test()) == 2
    assert np.array_equal(outputs, expect(deployment.plan, inputs).outputs)
    return session.link.retries


@pytest.mark.parametrize("terminal", [False, True])
def test_a_window_that_the_receiver_can_hold_loses_nothing(program, deployment, terminal):
    assert run_many(program, deployment, Trouble(baud=921_600, latency_seconds=0.003), 120, terminal) == 0


def test_a_receiver_that_holds_less_than_it_says_costs_retries_and_no_wrong_result(program, deployment):
    assert run_many(program, deployment, Trouble(baud=921_600, latency_seconds=0.003, fifo_bytes=60), 40) > 0


def test_a_damaged_line_costs_retries_and_no_wrong_result(program, deployment):
    assert run_many(program, deployment, Trouble(flips=1000, drops=1000), 60) > 0


def test_a_reset_in_mid_run_costs_a_retry_and_no_wrong_result(program, deployment):
    assert run_many(program, deployment, Trouble(reset_after=20), 60) > 0


def test_everything_that_a_runner_needs(program, deployment):
    with FakeBoard(program) as board:
        assert deployment.verify(on=(board.url,))[board.url].mismatches == 0
        with Session(Link(board.url)) as session:
            session.load_input(np.zeros(session.identity.input_len, np.int8))
            assert len(session.profile().cycles) == session.identity.steps
            assert 0 < session.stack().used_bytes < session.stack().size_bytes
            with pytest.raises(DeviceError, match="no boot loader that firmware can enter"):
                session.enter_boot_loader()


def test_outputs_alone_are_the_same_over_good_and_bad_lines(program, deployment):
    graph = deployment.plan.graph
    x = np.zeros((100, *graph.torch_input_shape), np.float32)
    with FakeBoard(program) as board:
        plain = deployment.run(x, board.url)
    with FakeBoard(program, Trouble(baud=921_600, flips=200)) as board:
        assert np.array_equal(deployment.run(x, board.url)["q"], plain["q"])
    assert np.array_equal(plain["q"], deployment.run(x, "host")["q"])


def test_a_fault_is_told_until_a_reset_and_remembered_after_it(program):
    with FakeBoard(program, Trouble(fault_after=3)) as board, Session(Link(board.url)) as session:
        assert session.last_fault() is None
        for _ in range(2):
            with pytest.raises(DeviceError, match="stopped with HardFault at pc=0x00001234"):
                session.echo(b"x")
        session.reset()
        fault = session.last_fault()
        assert fault is not None and fault.status == Status.FAULT and fault.record[:4] == b"\x34\x12\0\0"
        assert session.echo(b"x") == b"x"


def test_a_line_is_no_faster_than_its_speed(program):
    with FakeBoard(program, Trouble(baud=115_200)) as board, Session(Link(board.url)) as session:
        begin = time.monotonic()
        for _ in range(10):
            session.echo(bytes(range(1, 201)))
        assert time.monotonic() - begin > 10 * 2 * 200 * 10 / 115_200


def test_a_connection_that_is_cut_is_taken_up_again(program):
    with FakeBoard(program) as board:
        for _ in range(3):
            with Session(Link(board.url)) as session:
                assert session.echo(b"again") == b"again"


def test_a_step_that_computes_wrongly_is_found_by_everything_that_looks(program, deployment):
    steps = len(deployment.plan.steps)
    for wrong in range(steps):
        with FakeBoard(program, Trouble(wrong_step=wrong + 1)) as board:
            verdict = deployment.verify(on=(board.url,), device_samples=4)[board.url]
            first = verdict.first_mismatch
            assert verdict.mismatches and first is not None
            assert first.layer == deployment.plan.steps[wrong].name and first.expected ^ first.got in (1, -1)
            with Session(Link(board.url)) as session:
                assert {test.wrong_step for test in session.self_test()} == {wrong}


def test_a_project_without_the_protocol(tmp_path):
    bare = compile_network(three_formats(), load_board("mps2-an386"), tmp_path / "out", protocol="none")
    with pytest.raises(UserError, match="compile it with --protocol frames"):
        start_fake_board(bare.directory, bare.name)


def test_the_command_prints_its_url_and_ends_with_an_interrupt(deployment):
    command = [sys.executable, "-m", "tinybayes", "fake-board", str(deployment.directory), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = json.loads(process.stdout.readline() + process.stdout.readline() + process.stdout.readline())["url"]
            assert re.fullmatch(r"socket://127\.0\.0\.1:\d+", url)
            with Session(Link(url)) as session:
                assert session.identity.board == "stm32vldiscovery"
        finally:
            process.terminate()
