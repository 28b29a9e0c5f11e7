"""The same network gives the same bytes, wherever and however it is compiled."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.golden.networks import padded_series
from tinybayes import tbn


def compile_in(directory: Path, network: Path, out: str, environment: dict[str, str]) -> dict[str, bytes]:
    """Every file that ``compile`` writes: relative path -> bytes."""
    directory.mkdir(parents=True)
    command = [sys.executable, "-m", "tinybayes", "compile", network, "--board", "mps2-an386", "--out", out]
    subprocess.run(command, cwd=directory, env={**os.environ, **environment}, check=True, capture_output=True)
    made = directory / out
    return {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*") if path.is_file()}


def test_two_directories_two_environments_the_same_bytes(tmp_path: Path) -> None:
    network = tmp_path / "one.tbn"
    tbn.save(padded_series(), network)
    elsewhere = tmp_path / "a" / "much" / "longer" / "path" / "two.tbn"
    elsewhere.parent.mkdir(parents=True)
    shutil.copy(network, elsewhere)
    first = compile_in(tmp_path / "x", network, "out", {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"})
    second = compile_in(
        tmp_path / "y" / "z", elsewhere, "other/name", {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}
    )
    assert sorted(first) == sorted(second)
    assert [path for path in first if first[path] != second[path]] == []
    assert {"network/network.c", "network.tbn", "report.json", "CMakeLists.txt", ".tinybayes"} <= set(first)
    for path, data in first.items():
        assert str(tmp_path).encode() not in data, path


def test_the_network_file_is_the_same_each_time() -> None:
    assert tbn.dumps(padded_series()) == tbn.dumps(padded_series())
