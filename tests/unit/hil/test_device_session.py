"""The client against the firmware's own protocol code, over lines good and bad."""

import random
import struct
import zlib

import numpy as np
import pytest

from tests.emulated.toy_network.toy_reference import toy_tensors
from tinybayes.errors import DeviceError, UserError
from tinybayes.hil import Link, Session
from tinybayes.hil.fault import describe_failed_setup
from tinybayes.hil.frames import Kind
from tinybayes.run.device import DeviceRunner

DIGEST = bytes(range(100, 116))


def inputs(count: int) -> np.ndarray:
    return np.random.default_rng(7).integers(-128, 128, (count, 300)).astype(np.int8)


def open_session(url: str, **options) -> Session:
    return Session(Link(url, timeout_seconds=0.3, attempts=20), **options)


def test_hello_says_who_is_there(fake_board):
    with open_session(fake_board().url, expected_digest=DIGEST) as session:
        who = session.identity
    assert (who.board, who.network_name, who.network_digest) == ("mps2-an386", "toy", DIGEST)
    assert (who.input_len, who.output_len, who.arena_bytes, who.steps) == (300, 7, 600, 3)
    assert (who.clock_hz, who.request_bytes, who.reply_bytes) == (25_000_000, 400, 65535)
    assert who.cycle_counter == "dwt"


@pytest.mark.parametrize("request_bytes", [64, 299, 300, 4096])
def test_every_command_whatever_the_device_takes_at_once(fake_board, request_bytes):
    with open_session(fake_board(request_bytes=request_bytes).url) as session:
        for values in inputs(3):
            tensors = toy_tensors(values)
            inference = session.infer(values)
            assert inference.output.tobytes() == tensors[-1].tobytes()
            for step, tensor in enumerate(tensors):
                session.trace(step)
                assert np.array_equal(session.read_tensor(step), tensor)
            session.load_input(values[::-1].copy())
            session.run()
            assert session.read_output().tobytes() == toy_tensors(values[::-1])[-1].tobytes()
        assert session.stack().size_bytes == 4096 and session.stack().used_bytes == 321
        batch = inputs(30)
        assert session.run_many(batch).tobytes() == b"".join(toy_tensors(values)[-1].tobytes() for values in batch)
        assert [(test.vector, test.wrong_step) for test in session.self_test()] == [(0, None), (1, None)]
        assert session.last_fault() is None
        assert session.link.retries == 0


def test_run_many_says_how_far_it_is_and_takes_no_inputs_too(fake_board):
    seen: list[int] = []
    with open_session(fake_board().url) as session:
        assert session.run_many(inputs(3), seen.append).shape == (3, 7)
        assert session.run_many(inputs(0)).shape == (0, 7)
        with pytest.raises(UserError, match="load an input first"):
            session.run()
    assert seen == [1, 2, 3]


def test_an_input_that_the_device_lost_is_loaded_again(fake_board):
    values = inputs(2)
    with open_session(fake_board().url) as session:
        session.load_input(values[0])
        session.link.exchange(Kind.LOAD, bytes(4) + values[1].tobytes(), "as a reset would")
        session.run()
        assert session.read_output().tobytes() == toy_tensors(values[0])[-1].tobytes()


def test_an_output_of_another_run_is_refused(fake_board):
    values = inputs(2)
    with open_session(fake_board().url) as session:
        session.load_input(values[0])
        session.run()
        session.link.exchange(Kind.INFER, values[1].tobytes(), "as another client would")
        with pytest.raises(DeviceError, match="read output: not what the device said"):
            session.read_output()
        session.load_input(values[0])
        session.trace(1)
        session.link.exchange(Kind.TRACE, struct.pack("<II", 1, zlib.crc32(values[0].tobytes())), "the same")
        assert np.array_equal(session.read_tensor(1), toy_tensors(values[0])[1])


def test_a_profile_has_the_cycles_of_every_step(fake_board):
    with open_session(fake_board().url) as session:
        session.load_input(inputs(1)[0])
        profile = session.profile()
        assert session.read_output().tobytes() == toy_tensors(inputs(1)[0])[-1].tobytes()
    assert profile.cycle_counter == "dwt"
    assert profile.cycles.tolist() == [100_000, 200_000, 300_000]


def test_a_device_that_cannot_count_says_so(fake_board):
    with open_session(fake_board("no counter").url) as session:
        assert session.identity.cycle_counter == "none"
        with pytest.raises(DeviceError, match="profile: nothing on the device counts cycles"):
            session.profile()


def test_a_device_that_started_late_is_asked_again_at_once(fake_board):
    held = bytearray()

    def lose_first(data: bytes) -> bytes:
        held.extend(data)
        return b"" if len(held) == len(data) else data

    board = fake_board("start", to_board=lose_first)
    link = Link(board.url, timeout_seconds=60.0)
    with Session(link) as session:
        assert session.link.retries == 1


def test_a_bad_line_costs_retries_and_never_a_wrong_result(fake_board):
    dice = random.Random(3)
    greeted = False  # few attempts are made to greet a board, so that the line is good until then

    def damage(data: bytes) -> bytes:
        if not greeted:
            return data
        damaged = bytearray(data)
        fault = dice.randrange(12)
        at = dice.randrange(len(damaged))
        if fault == 0:
            damaged[at] ^= 1 << dice.randrange(8)
        elif fault == 1:
            del damaged[at]
        elif fault == 2:
            damaged[at:at] = damaged[at : at + 5]
        elif fault == 3:
            damaged[at:at] = b"\0"
        return bytes(damaged)

    board = fake_board(to_board=damage, to_host=damage)
    with DeviceRunner(board.url, network_digest=DIGEST, timeout_seconds=0.1) as runner:
        runner.session.link._attempts = 30
        greeted = True
        batch = inputs(15)
        result = runner.run(batch)
        assert runner.session.link.retries > 5
    expected = [toy_tensors(values)[-1] for values in batch]
    assert np.array_equal(result.outputs.view(np.uint8), np.array(expected))


@pytest.mark.parametrize("request_bytes", [150, 400])
def test_run_many_over_a_bad_line(fake_board, request_bytes):
    dice = random.Random(8)

    def damage(data: bytes) -> bytes:
        damaged = bytearray(data)
        if dice.randrange(8) == 0:
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        if dice.randrange(8) == 0:
            del damaged[dice.randrange(len(damaged))]
        return bytes(damaged)

    batch = inputs(20)
    url = fake_board(to_board=damage, to_host=damage, request_bytes=request_bytes).url
    with Session(Link(url, timeout_seconds=0.2, attempts=60)) as session:
        outputs = session.run_many(batch)
        assert session.link.retries > 0
    assert outputs.tobytes() == b"".join(toy_tensors(values)[-1].tobytes() for values in batch)


def test_run_many_on_a_line_full_of_noise_is_an_error_in_bounded_time(fake_board):
    noisy = False
    board = fake_board(to_host=lambda data: b"\x07\0" * 20_000 if noisy else data)
    with Session(Link(board.url, timeout_seconds=0.2, attempts=2)) as session:
        noisy = True
        with pytest.raises(DeviceError, match=r"run many: (no answer within 0\.2 s|a damaged answer), 2 times; check"):
            session.run_many(inputs(4))


def test_a_dead_line_is_an_error_in_bounded_time(fake_board):
    board = fake_board(to_board=lambda data: b"")
    link = Link(board.url, timeout_seconds=0.05, attempts=3)
    with pytest.raises(DeviceError, match=r"hello: no answer within 0\.05 s, 3 times; check that the board has power"):
        Session(link)
    link.close()


def test_a_line_full_of_noise_is_an_error_in_bounded_time(fake_board):
    board = fake_board(to_host=lambda data: b"\x07" * 200_000)
    link = Link(board.url, timeout_seconds=0.2, attempts=2)
    with pytest.raises(DeviceError, match=r"hello: (no answer within 0\.2 s|a damaged answer), 2 times"):
        Session(link)
    link.close()


def test_another_network_on_the_device_is_said_so(fake_board):
    link = Link(fake_board().url)
    with pytest.raises(DeviceError, match=r"the device runs network 'toy' with digest 6465.*wanted 0000.*flash"):
        Session(link, expected_digest=bytes(16))
    link.close()


def test_a_fault_is_told_in_words(fake_board):
    link = Link(fake_board("fault").url)
    with pytest.raises(
        DeviceError, match=r"stopped with HardFault at pc=0x00001234, .*: bus error at a data access at address 0xb0"
    ):
        Session(link)
    link.close()


def test_a_failed_setup_is_told_by_its_step_and_register():
    record = struct.pack("<8I", 7, 0, 0, 0, 0, 0, 0, 0x40021000)
    assert describe_failed_setup(record).startswith("its set-up not complete: step 7 (counted from 0 in firmware/")
    assert "in vain for the register at 0x40021000" in describe_failed_setup(record)
    assert describe_failed_setup(record[:-1]) == "a failed set-up, with a record of 31 bytes that cannot be read"


def test_a_stack_overflow_is_told(fake_board):
    link = Link(fake_board("overflow").url)
    with pytest.raises(DeviceError, match="the stack on the device has overflowed; raise stack_bytes"):
        Session(link)
    link.close()


def test_a_stack_overflow_that_the_core_caught_is_told(fake_board):
    link = Link(fake_board("limit").url)
    with pytest.raises(
        DeviceError, match=r"overflowed; raise stack_bytes in the board's file\. It stopped with HardFault.*stack limit"
    ):
        Session(link)
    link.close()


def test_a_request_that_the_firmware_does_not_know(fake_board):
    with open_session(fake_board().url) as session, pytest.raises(DeviceError, match="older than this tinybayes"):
        session.link.exchange(Kind.INJECT_FAULT, b"\0", "inject")


def test_an_input_of_the_wrong_length(fake_board):
    with open_session(fake_board().url) as session, pytest.raises(UserError, match=r"shape \(299,\), wanted \(300,\)"):
        session.infer(np.zeros(299, np.int8))


def test_a_port_that_does_not_exist():
    with pytest.raises(DeviceError, match=r"/dev/no-such-port: cannot open: .*check the name"):
        Link("/dev/no-such-port")


def test_a_connection_that_breaks(fake_board):
    board = fake_board()
    with open_session(board.url) as session:
        board.cut_connection()
        with pytest.raises(DeviceError, match=r"run: the connection broke: .*check the cable"):
            session.run()
