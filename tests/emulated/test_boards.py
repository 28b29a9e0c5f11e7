"""Every board that QEMU emulates: it boots, computes, counts and says what went wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.emulated.conftest import DIGEST
from tests.emulated.corpus import EXAMPLES
from tests.emulated.toy_network.toy_reference import toy_tensors
from tinybayes import tbn
from tinybayes.boards import Board, list_boards, load_board
from tinybayes.errors import DeviceError
from tinybayes.hil.frames import Kind
from tinybayes.pipeline import compile_network
from tinybayes.run.qemu import QemuRunner

pytestmark = pytest.mark.emulated

BOARDS = [board for board in map(load_board, list_boards()) if board.emulated]
INPUTS = np.random.default_rng(11).integers(-128, 128, (6, 300)).astype(np.int8)
NO_STATUS_REGISTERS = "HardFault at pc=0x.*cause not recorded"
# QEMU answers every access on these two, whether there is something at the address or not.
NO_BUS_ERRORS = {"lm3s6965evb", "microbit"}

Boot = Callable[..., QemuRunner]


@pytest.fixture(params=BOARDS, ids=lambda board: board.name)
def board(request: pytest.FixtureRequest) -> Board:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def boot(board: Board, toy_image: Callable[..., Path]) -> Boot:
    """Boots the toy network on the board; faults can be injected."""

    def start(*arguments: str) -> QemuRunner:
        elf = toy_image("frames", "-DLINK_FAULT_INJECTION=ON", board=board.name)
        return QemuRunner(elf, board, network_digest=DIGEST, extra_arguments=arguments)

    return start


def test_there_is_a_machine_for_every_core_but_m0plus():
    assert len(BOARDS) == 9
    assert {board.core for board in BOARDS} == {f"cortex-{name}" for name in ("m0", "m3", "m4", "m7", "m33", "m55")}


def test_every_output_and_every_tensor_is_right(board, boot):
    with boot() as runner:
        outputs = runner.run(INPUTS).outputs
        for step, tensor in enumerate(toy_tensors(INPUTS[0])):
            assert np.array_equal(runner.tensor(INPUTS[0], step), tensor)
        stack = runner.session.stack()
        who = runner.session.identity
    assert [output.tobytes() for output in outputs] == [toy_tensors(values)[-1].tobytes() for values in INPUTS]
    assert (who.board, who.clock_hz, who.request_bytes) == (board.name, board.clock_hz, board.link_request_bytes)
    assert stack.size_bytes == board.stack_bytes and 64 <= stack.used_bytes <= 512


def test_cycles_are_counted_by_the_first_counter_that_works_and_repeat(board, boot):
    profiles = []
    for _ in range(2):
        with boot("-icount", "shift=4") as runner:
            runner.session.load_input(INPUTS[0])
            profiles.append(runner.session.profile())
            assert runner.session.read_output().tobytes() == toy_tensors(INPUTS[0])[-1].tobytes()
            assert runner.session.identity.cycle_counter == profiles[-1].cycle_counter
    # QEMU's DWT does not count, and a chip without SysTick names its timer alone.
    assert profiles[0].cycle_counter == {"microbit": "nrf_timer"}.get(board.name, "systick")
    # A tick is longer than an instruction here, and begins where it happens to.
    first, second = (profile.cycles.astype(int) for profile in profiles)
    assert np.abs(first - second).max() <= 1
    # One instruction takes 16 ns of the emulated clock, and every step of the toy goes through some hundred bytes.
    cycles_per_instruction = 16e-9 * board.clock_hz
    assert first.min() > 100 * cycles_per_instruction
    assert first.sum() < 40_000 * cycles_per_instruction


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        pytest.param(0, r"HardFault at pc=0x.*bus error at .*data access.* at address 0xffffff00", id="pointer"),
        pytest.param(1, r"HardFault at pc=0x[0-9a-f]{8}, lr=.*undefined instruction", id="instruction"),
        pytest.param(5, r"HardFault at pc=0x[0-9a-f]{8}, lr=.*unaligned access", id="alignment"),
        pytest.param(3, r"HardFault at ", id="stack-pointer"),
    ],
)
def test_a_fault_is_reported_in_words_and_again_to_whoever_asks(board, boot, kind, message):
    if kind == 0 and board.name in NO_BUS_ERRORS:
        pytest.skip("QEMU's machine has no bus errors")
    if board.core == "cortex-m0" and kind != 3:
        message = NO_STATUS_REGISTERS
    with boot() as runner:
        with pytest.raises(DeviceError, match=f"inject: the device stopped with {message}"):
            runner.session.link.exchange(Kind.INJECT_FAULT, bytes([kind]), "inject")
        with pytest.raises(DeviceError, match=f"run: the device stopped with {message}"):
            runner.session.run()


def test_a_stack_that_grows_out_of_its_memory_is_caught_and_reported(board, boot):
    caught_by = {
        "cortex-m0": NO_STATUS_REGISTERS,
        "cortex-m33": "stack overflow caught by the stack limit",
        "cortex-m55": "stack overflow caught by the stack limit",
    }.get(board.core, "data access that the memory protection unit forbids")
    message = f"the stack on the device has overflowed; raise stack_bytes in the board's file. It stopped .*{caught_by}"
    with boot() as runner:
        with pytest.raises(DeviceError, match=f"inject: {message}"):
            runner.session.link.exchange(Kind.INJECT_FAULT, b"\4", "inject")
        with pytest.raises(DeviceError, match=f"run: {message}"):
            runner.session.run()


def test_a_stack_used_to_its_last_word_is_reported(boot):
    with boot() as runner:
        runner.session.link.exchange(Kind.INJECT_FAULT, b"\2", "inject")
        with pytest.raises(DeviceError, match=r"run: the stack on the device has overflowed"):
            runner.session.run()


def test_systick_counts_beyond_its_24_bits(tmp_path):
    graph = tbn.load(EXAMPLES / "imu-user-id.tbn")
    board = load_board("netduinoplus2")
    deployment = compile_network(graph, board, tmp_path / "out", objective="flash")
    elf = deployment.build()
    cycles = []
    for shift in (4, 10):
        arguments = ("-icount", f"shift={shift}")
        with QemuRunner(elf, board, network_digest=deployment.digest, extra_arguments=arguments) as runner:
            cycles.append(runner.session.profile().cycles.astype(float))
    # An instruction takes 2 ** shift ns: 64 times as long, and only then too long for 24 bits.
    assert cycles[0].max() < 2**24 < cycles[1].max()
    assert np.allclose(cycles[1] / cycles[0], 64, rtol=0.02)
