"""The command as a user types it, in this process for speed, and a small network to use it on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.golden.networks import three_formats
from tinybayes import tbn
from tinybayes.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    status: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def tinybayes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``tinybayes("compile", ...)`` runs a command to its exit."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["tinybayes", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return Outcome(stopped.value.code, captured.out, captured.err)

    return run


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A .tbn file of three layers: 16 inputs, 3 outputs."""
    path = tmp_path / "small.tbn"
    tbn.save(three_formats(), path)
    return path


@pytest.fixture
def compiled(tinybayes: Command, network: Path, tmp_path: Path) -> Path:
    """The directory that ``compile`` made of the network."""
    out = tmp_path / "out"
    done = tinybayes("compile", network, "--board", "mps2-an386", "--out", out, "--objective", "flash")
    assert done.status == 0, done.err
    return out


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Inputs for the network, and labels."""
    path = tmp_path / "x.npz"
    rng = np.random.default_rng(0)
    np.savez(path, x=rng.normal(0, 2, (20, 16)).astype(np.float32), y=rng.integers(0, 3, 20))
    return path
