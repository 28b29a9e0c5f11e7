"""fashion_mnist: read from Debian's package, checked on every call; a stand-in folder serves tiny files."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from tinybayes.datasets import fashion_mnist
from tinybayes.datasets.fashion_files import FILES_MD5
from tinybayes.errors import FileFormatError, ToolError

MODULE = "tinybayes.datasets.fashion_files"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    images = struct.pack(">4I", 0x803, 12, 28, 28) + bytes(range(256)) * 36 + bytes(12 * 784 - 256 * 36)
    labels = struct.pack(">2I", 0x801, 12) + bytes(range(10)) + b"\x07\x03"
    sums = {}
    for name in FILES_MD5:
        content = images if "images" in name else labels
        sums[name] = hashlib.md5(content).hexdigest()
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(f"{MODULE}.FOLDER", tmp_path)
    monkeypatch.setattr(f"{MODULE}.FILES_MD5", sums)
    monkeypatch.setattr("tinybayes.datasets.idx.VALIDATION", 2)
    return tmp_path


def test_the_end_of_the_training_file_validates(folder):
    data = fashion_mnist()
    assert data.x_train.shape == (10, 1, 28, 28)
    assert data.y_validation.tolist() == [7, 3]
    assert data.x_train.dtype == np.float32
    assert data.x_train[0, 0, 0, :3].tolist() == [0.0, np.float32(1 / 255), np.float32(2 / 255)]
    assert len(data.x_test) == 12


def test_a_package_that_is_missing_is_named(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ToolError, match="sudo apt-get install dataset-fashion-mnist"):
        fashion_mnist()


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", gzip.compress(b"something else", mtime=0)], ids=["empty", "no gzip", "other gzip"]
)
def test_damaged_files_are_named(folder, content):
    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"train-images-idx3-ubyte\.gz: .*--reinstall dataset-fashion-mnist"):
        fashion_mnist()
