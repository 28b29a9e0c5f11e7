"""A short fault campaign on the fake board and on QEMU; `make faults` runs long ones."""

import zlib

import pytest

from scripts.link_faults import expected_of, prepare, run_one, started
from tests.faulty_line import Tally
from tinybayes.deployment import Deployment
from tinybayes.hil import Link, Session
from tinybayes.hil.frames import Kind, Status
from tinybayes.hil.messages import pack_words


@pytest.mark.emulated
@pytest.mark.parametrize(
    ("on", "board", "faults"),
    [("fake", "stm32vldiscovery", 100), ("qemu", "stm32vldiscovery", 40), ("qemu", "microbit", 40)],
)
def test_no_wrong_result_is_accepted_and_nothing_hangs(tmp_path, on, board, faults):
    prepare(tmp_path / "out", board, on)
    assert len(expected_of(Deployment.open(tmp_path / "out"), 2).tensors) == 2
    tally = run_one(tmp_path / "out", on, seed=77, faults=faults)
    assert sum(tally.faults.values()) >= faults
    assert tally.wrong == 0 and tally.hangs == 0
    assert tally.right > 0
    assert Tally.of(tally.record()).record() == tally.record()


@pytest.mark.emulated
def test_an_input_is_loaded_again_after_the_reset_button(tmp_path):
    prepare(tmp_path / "out", "microbit", "qemu")
    deployment = Deployment.open(tmp_path / "out")
    expected = expected_of(deployment, 1)
    with started(tmp_path / "out", deployment, "qemu") as (url, reset), Session(Link(url)) as session:
        assert reset is not None
        session.load_input(expected.inputs[0])
        for _ in range(3):
            reset()
            crc = pack_words(zlib.crc32(expected.inputs[0].tobytes()))
            assert session.link.request(Kind.RUN, crc, "run").status == Status.OTHER_INPUT
            session.run()
            assert session.read_output().tobytes() == expected.tensors[0][-1]
