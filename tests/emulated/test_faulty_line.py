"""A short fault campaign on the fake board and on QEMU; `make faults` runs a long one."""

import pytest

from scripts.link_faults import BOARD, expected_of, run_one
from tests.golden.networks import padded_series
from tinybayes.boards import load_board
from tinybayes.pipeline import compile_network
from tinybayes.run.fake_board import build_fake_board


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("faults") / "out"
    deployment = compile_network(padded_series(), load_board(BOARD), directory, objective="flash")
    build_fake_board(directory, deployment.name, directory / "fake_board")
    deployment.build()
    assert len(expected_of(deployment, 2).tensors) == 2
    return directory


@pytest.mark.emulated
@pytest.mark.parametrize(("on", "faults"), [("fake", 100), ("qemu", 40)])
def test_no_wrong_result_is_accepted_and_nothing_hangs(directory, on, faults):
    tally = run_one(directory, on, seed=77, faults=faults)
    assert sum(tally.faults.values()) >= faults
    assert tally.wrong == 0 and tally.hangs == 0
    assert tally.right > 0
