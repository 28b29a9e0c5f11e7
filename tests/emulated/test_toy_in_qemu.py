"""A real image in a real emulator: everything the link offers, and what happens when things go wrong."""

import os
import signal
import subprocess
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from tests.emulated.conftest import DIGEST, build_project, write_project
from tests.emulated.toy_network.toy_reference import toy_tensors
from tinybayes.boards import load_board
from tinybayes.errors import DeviceError
from tinybayes.run.qemu import Emulator, QemuRunner

pytestmark = pytest.mark.emulated
BOARD = load_board("mps2-an386")


def runner_on(elf: Path, **options) -> QemuRunner:
    return QemuRunner(elf, BOARD, **{"network_digest": DIGEST, **options})


def alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_output_and_every_tensor_is_right(toy_image):
    inputs = np.random.default_rng(5).integers(-128, 128, (40, 300)).astype(np.int8)
    inputs[0], inputs[1] = -128, 127
    seen: list[int] = []
    with runner_on(toy_image("frames")) as runner:
        who = runner.session.identity
        result = runner.run(inputs, progress=seen.append)
        for index in (0, 7):
            for step, tensor in enumerate(toy_tensors(inputs[index])):
                assert np.array_equal(runner.tensor(inputs[index], step), tensor)
        runner.session.load_input(inputs[3])
        runner.session.run()
        assert np.array_equal(runner.session.read_output(), result.outputs[3])
        stack = runner.session.stack()
        assert runner.session.link.retries == 0
    assert (who.board, who.network_name, who.steps, runner.steps, runner.name) == ("mps2-an386", "toy", 3, 3, "qemu")
    assert seen == list(range(1, 41))
    for index, values in enumerate(inputs):
        tensors = toy_tensors(values)
        assert result.outputs[index].tobytes() == tensors[-1].tobytes()
        assert [zlib.crc32(tensor.tobytes()) for tensor in tensors] == result.tensor_crcs[index].tolist()
    assert stack.size_bytes == BOARD.stack_bytes and 64 <= stack.used_bytes <= 512


def test_awkward_bytes_come_back(toy_image):
    with runner_on(toy_image("frames")) as runner:
        for length in (0, 1, 243, 244, 245, 253, 254, 255, 256, 508, 4000):
            for payload in (bytes(length), b"\1" * length, b"\xff" * length, (bytes(range(256)) * 16)[:length]):
                assert runner.session.echo(payload) == payload


def test_noise_before_a_request_does_no_harm(toy_image):
    with runner_on(toy_image("frames"), timeout_seconds=2.0) as runner:
        port = runner.session.link._port
        for noise in (b"\x05\x06", b"\0\xff\xff\0", b"\x03abc\0", os.urandom(3000), b"\xfe" * 20_000):
            port.write(noise)
            assert runner.session.echo(b"after the noise") == b"after the noise"


@pytest.mark.parametrize("place", [1, 8, -3])
def test_a_request_that_is_damaged_on_the_way_is_sent_again(toy_image, monkeypatch, place):
    with runner_on(toy_image("frames"), timeout_seconds=2.0) as runner:
        link = runner.session.link
        write, sent = link._port.write, []

        def damage_the_first(request: bytes) -> None:
            damaged = bytearray(request)
            damaged[place] ^= 0x10
            sent.append(request)
            write(bytes(damaged) if len(sent) == 1 else request)

        monkeypatch.setattr(link._port, "write", damage_the_first)
        before = link.retries
        assert runner.session.echo(b"a payload of some length") == b"a payload of some length"
        assert (link.retries - before, len(sent), sent[0]) == (1, 2, sent[1])


def test_another_network_in_the_image(toy_image):
    with pytest.raises(DeviceError, match="the device runs network 'toy' with digest"):
        runner_on(toy_image("frames"), network_digest=bytes(16))


def test_an_image_that_never_answers(toy_image):
    started = time.monotonic()
    with pytest.raises(DeviceError, match=r"hello: .*QEMU has ended with status|hello: no answer within 0.3 s"):
        runner_on(toy_image("none"), timeout_seconds=0.3, extra_arguments=("-semihosting",))
    assert time.monotonic() - started < 10


def test_a_qemu_that_does_not_start_says_why(toy_image):
    with pytest.raises(DeviceError, match=r"QEMU has ended with status 1.*QEMU's last output: .*no-such-option"):
        runner_on(toy_image("frames"), timeout_seconds=0.3, extra_arguments=("-no-such-option",))


def test_a_qemu_that_dies_is_told_with_its_last_words(toy_image):
    with runner_on(toy_image("frames")) as runner:
        os.kill(runner._emulator.process_id, signal.SIGKILL)
        with pytest.raises(DeviceError, match=r"QEMU has ended with status -9. QEMU's last output: .*waiting for conn"):
            runner.run(np.zeros((1, 300), np.int8))


def test_a_qemu_that_hangs_is_told_in_bounded_time(toy_image):
    with runner_on(toy_image("frames"), timeout_seconds=0.2) as runner:
        os.kill(runner._emulator.process_id, signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(
            DeviceError, match=r"infer: no answer within 0\.2 s, 5 times; .*QEMU's last output: .*waiting"
        ):
            runner.run(np.zeros((1, 300), np.int8))
        assert time.monotonic() - started < 10


def test_qemu_ends_with_its_runner(toy_image):
    runner = runner_on(toy_image("frames"))
    process_id = runner._emulator.process_id
    assert alive(process_id)
    runner.close()
    runner.close()
    assert not alive(process_id)
    emulator = Emulator(toy_image("frames"), BOARD)
    process_id = emulator.process_id
    del emulator
    assert not alive(process_id)


def test_the_bare_image_runs_and_stops(toy_image):
    elf = toy_image("none")
    with elf.open("rb") as stream:
        symbols = ELFFile(stream).get_section_by_name(".symtab")
        for name in ("bench_begin", "bench_end", "toy_run"):
            (symbol,) = symbols.get_symbol_by_name(name)
            assert symbol["st_info"]["type"] == "STT_FUNC"
    command = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-serial", "null", "-monitor", "none"]
    done = subprocess.run([*command, "-semihosting", "-kernel", elf], timeout=20, check=False)
    assert done.returncode == 0


def test_the_bench_target_runs_as_often_as_it_is_told(tmp_path):
    directory = write_project(tmp_path / "toy", "frames")
    build_project(directory, "-DBENCH_INFERENCES=3", target="bench")
    build = directory / "build"
    assert (build / "toy_bench.elf").is_file() and (build / "toy_bench.map").is_file()
    assert not (build / "toy.elf").exists()


def test_the_same_bytes_from_two_directories(tmp_path):
    images = []
    for name in ("one", "a much longer name/two"):
        directory = write_project(tmp_path / name, "frames")
        build_project(directory)
        images.append((directory / "build" / "toy.elf").read_bytes())
    assert images[0] == images[1]
