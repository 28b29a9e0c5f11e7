"""The complete Fashion-MNIST, from the Debian package ``dataset-fashion-mnist`` (MIT)."""

import gzip
import hashlib
import zlib
from pathlib import Path

from tinybayes.datasets.dataset import Dataset
from tinybayes.datasets.idx import idx_dataset
from tinybayes.errors import FileFormatError, ToolError

PACKAGE = "dataset-fashion-mnist"
FOLDER = Path("/usr/share/datasets/fashion-mnist")
FILES_MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
"""Digests of the unpacked files."""


def fashion_mnist() -> Dataset:
    """All 70,000 images: 55,000 train, the last 5,000 of the training file validate, 10,000 test.

    ``x`` is (n, 1, 28, 28) in [0, 1]. Raises ToolError when the package is not installed, FileFormatError when its
    files are not Fashion-MNIST.
    """
    return idx_dataset([_unpacked(FOLDER / f"{name}.gz", wanted) for name, wanted in FILES_MD5.items()])


def _unpacked(path: Path, wanted: str) -> bytes:
    if not path.is_file():
        raise ToolError(
            f"Fashion-MNIST comes with Debian's package {PACKAGE}, and {path} is not there: "
            f"sudo apt-get install {PACKAGE}"
        )
    advice = f"install it again: sudo apt-get install --reinstall {PACKAGE}"
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(f"{path}: the file cannot be unpacked ({error}); {advice}") from error
    got = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if got != wanted:
        raise FileFormatError(f"{path}: md5 of its content is {got}, expected {wanted}; {advice}")
    return raw
