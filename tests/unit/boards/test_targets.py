import shutil

import pytest

from tinybayes.assets import asset_directory
from tinybayes.boards import CORES, Board, CoreTarget, emulated_board_like, list_boards, list_targets, load_target
from tinybayes.errors import BoardError


def test_targets_are_the_boards_and_every_core():
    assert list_targets() == (*list_boards(), *CORES)
    assert {f"cortex-{core}" for core in ("m0", "m0plus", "m3", "m4", "m7", "m33", "m55")} == set(CORES)


@pytest.mark.parametrize("name", CORES)
def test_core_has_flags_but_neither_clock_nor_memories(name):
    target = load_target(name)
    assert isinstance(target, CoreTarget)
    assert (target.name, target.core, target.gcc_flags) == (name, name, CORES[name].gcc_flags)
    assert target.clock_hz is None
    assert not target.emulated
    assert "library only" in target.title


def test_board_is_loaded_as_ever():
    assert isinstance(load_target("mps2-an386"), Board)


def test_unknown_name_is_compared_with_boards_and_cores():
    with pytest.raises(BoardError, match=r"there is no board 'cortex-m44'\. Did you mean .*'cortex-m4'"):
        load_target("cortex-m44")
    with pytest.raises(BoardError, match=r"Did you mean .*'mps2-an386'"):
        load_target("mps2-an38")


def test_emulated_board_of_the_same_core_comes_first():
    like = emulated_board_like("cortex-m4")
    assert like is not None
    assert like.core == "cortex-m4"


def test_without_the_core_a_board_of_its_instruction_set_does(tmp_path):
    shutil.copytree(asset_directory("boards"), tmp_path / "boards")
    for path in (tmp_path / "boards").glob("*.toml"):
        if path.stem != "mps2-an386":
            path.unlink()
    like = emulated_board_like("cortex-m7", tmp_path / "boards")
    assert like is not None
    assert like.name == "mps2-an386"
    assert emulated_board_like("cortex-m0", tmp_path / "boards") is None
