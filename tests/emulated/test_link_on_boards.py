"""The whole link on every board that QEMU emulates: a thousand inputs, self-tests, profile, read-back, reset, fault."""

import numpy as np
import pytest

from tests.emulated.conftest import DIGEST
from tests.emulated.toy_network.toy_reference import toy_tensors
from tests.golden.networks import three_formats
from tinybayes.boards import list_boards, load_board
from tinybayes.errors import DeviceError
from tinybayes.hil import Link, Session
from tinybayes.hil.frames import Kind, Status
from tinybayes.hil.monitor import examine
from tinybayes.pipeline import compile_network
from tinybayes.profiling import profile_device
from tinybayes.run.qemu import Emulator

pytestmark = [pytest.mark.emulated]
EMULATED = [name for name in list_boards() if load_board(name).emulated]


def session_on(toy_image, board: str):
    elf = toy_image("frames", "-DLINK_FAULT_INJECTION=ON", board=board)
    return Emulator(elf, load_board(board), restarts=True)


@pytest.mark.slow
@pytest.mark.parametrize("board", EMULATED)
def test_a_thousand_inputs_self_test_profile_and_read_back(board, toy_image):
    inputs = np.random.default_rng(11).integers(-128, 128, (1000, 300)).astype(np.int8)
    emulator = session_on(toy_image, board)
    with Session(Link(emulator.url, timeout_seconds=20.0), expected_digest=DIGEST) as session:
        outputs = session.run_many(inputs)
        tests = session.self_test()
        session.load_input(inputs[0])
        profile = session.profile()
        for step, tensor in enumerate(toy_tensors(inputs[0])):
            session.trace(step)
            assert np.array_equal(session.read_tensor(step), tensor)
    emulator.close()
    assert outputs.tobytes() == b"".join(toy_tensors(values)[-1].tobytes() for values in inputs)
    assert [(test.vector, test.wrong_step) for test in tests] == [(0, None), (1, None)]
    assert (profile.cycles > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("board", EMULATED)
def test_verify_profile_and_monitor_through_the_port(board, tmp_path):
    """What a user types for a board on a desk, with the board's port in QEMU instead."""
    deployment = compile_network(three_formats(), load_board(board), tmp_path / "out")
    emulator = Emulator(deployment.build(), load_board(board), restarts=True)
    verdict = deployment.verify([emulator.url])[emulator.url]
    assert (verdict.samples, verdict.mismatches) == (256, 0)
    assert verdict.tensors_compared == 256 * len(deployment.plan.steps)
    profile = profile_device(deployment, emulator.url, 20)
    assert profile.runs == 20 and all(layer.predicted_cycles for layer in profile.layers)
    assert profile.total.median_cycles > 0
    found = examine(emulator.url, baud=115_200, echoes=20, digest=deployment.digest, board=board)
    assert found.good and len(found.self_tests) == 2 and found.last_fault is None
    emulator.close()


@pytest.mark.parametrize("board", EMULATED)
def test_a_reset_and_the_fault_before_it(board, toy_image):
    emulator = session_on(toy_image, board)
    with Session(Link(emulator.url), expected_digest=DIGEST) as session:
        assert session.last_fault() is None
        with pytest.raises(DeviceError, match="HardFault"):
            session.link.exchange(Kind.INJECT_FAULT, b"\1", "inject")
        session.reset()
        fault = session.last_fault()
        assert fault is not None and fault.status == Status.FAULT
        assert session.echo(b"alive") == b"alive"
        with pytest.raises(DeviceError, match="no boot loader that firmware can enter"):
            session.enter_boot_loader()
    emulator.close()
