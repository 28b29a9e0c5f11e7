"""An output directory: written as a whole, and never a file touched that is not ours."""

import json
import os
from pathlib import Path

import pytest

from tinybayes.emit.directory import MANIFEST, check_ours, write_atomically, write_files
from tinybayes.errors import OutputDirectoryError


def tree(directory: Path) -> dict[str, bytes]:
    """Relative path -> content of every file but the manifest."""
    found = {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}
    found.pop(MANIFEST, None)
    return found


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "some" / "out"


def test_files_are_written_and_listed(out: Path) -> None:
    write_files(out, {"a.txt": "ä\n", "network/b.bin": b"\x00\xff"})
    assert tree(out) == {"a.txt": "ä\n".encode(), "network/b.bin": b"\x00\xff"}
    assert json.loads((out / MANIFEST).read_text())["files"] == ["a.txt", "network/b.bin"]


def test_a_directory_that_is_not_ours_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputDirectoryError, match=r"is not empty and was not made by tinybayes.*nothing was written"):
        write_files(tmp_path, {"thesis.tex": "", "a": ""})
    assert tree(tmp_path) == {"thesis.tex": b"years of work"}


def test_a_file_in_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputDirectoryError, match="out is a file"):
        check_ours(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_an_empty_directory_will_do(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": "1"})
    assert tree(tmp_path) == {"a": b"1"}


def test_files_of_an_earlier_compilation_go_and_others_stay(out: Path) -> None:
    write_files(out, {"network/old.c": "old", "network/kept.c": "kept"})
    (out / "notes.txt").write_text("the user's own")
    (out / "build").mkdir()
    (out / "build" / "network.elf").write_text("built")
    write_files(out, {"network/kept.c": "kept", "network/new.c": "new"})
    assert tree(out) == {
        "network/kept.c": b"kept",
        "network/new.c": b"new",
        "notes.txt": b"the user's own",
        "build/network.elf": b"built",
    }


def test_unchanged_files_keep_their_time_stamp_and_changed_ones_do_not(out: Path) -> None:
    write_files(out, {"same.c": "same", "other.c": "one"})
    for name in ("same.c", "other.c"):
        os.utime(out / name, (1, 1))
    write_files(out, {"same.c": "same", "other.c": "two"})
    assert (out / "same.c").stat().st_mtime == 1
    assert (out / "other.c").stat().st_mtime > 1


@pytest.mark.parametrize("hostile", ["../victim", "/{root}/victim", "a/../../victim", "a/b/../../../victim"])
def test_a_manifest_cannot_make_us_delete_what_lies_elsewhere(tmp_path: Path, hostile: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    out = tmp_path / "out"
    write_files(out, {"a": "1"})
    path = hostile.replace("/{root}", str(tmp_path))
    (out / MANIFEST).write_text(json.dumps({"files": [path, "a"]}))
    write_files(out, {"b": "2"})
    assert victim.read_text() == "precious"
    assert tree(out) == {"b": b"2"}


def test_a_link_out_of_the_directory_is_not_followed_to_delete(tmp_path: Path) -> None:
    victim = tmp_path / "elsewhere" / "victim"
    victim.parent.mkdir()
    victim.write_text("precious")
    out = tmp_path / "out"
    write_files(out, {"a": "1"})
    (out / "link").symlink_to(victim.parent)
    (out / MANIFEST).write_text(json.dumps({"files": ["link/victim", "a"]}))
    write_files(out, {"b": "2"})
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"files": 3}', '{"files": [1, null]}', '{"other": []}'])
def test_a_damaged_manifest_deletes_nothing(out: Path, text: str) -> None:
    write_files(out, {"a": "1"})
    (out / MANIFEST).write_text(text)
    write_files(out, {"b": "2"})
    assert tree(out) == {"a": b"1", "b": b"2"}


def test_atomic_writes_leave_the_old_file_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.json"
    write_atomically(target, b"old")

    def fail(self: Path, _target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(target, b"new")
    assert tree(tmp_path) == {"report.json": b"old"}


def test_written_files_have_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_atomically(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode
