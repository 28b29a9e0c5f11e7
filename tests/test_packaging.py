"""The wheel: what it carries, and that a network is compiled, verified and reported with it where torch is not."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.golden.networks import three_formats
from tinybayes import tbn

ROOT = Path(__file__).resolve().parent.parent
NO_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"{name} was imported where a network is only used", name=name)

sys.meta_path.insert(0, NoTorch())
"""
SEPARATOR = "\f"
PROGRAM = """
import sys
sys.path.insert(0, {installed!r})
import no_torch
from tinybayes.cli import main
assert main.__code__.co_filename.startswith({installed!r})
for command in {commands!r}:
    sys.argv = ["tinybayes", *command, "--json"]
    try:
        main()
    except SystemExit as stopped:
        assert stopped.code == 0, (command, stopped.code)
    print(end="\\f")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [made] = dist.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel installed in a directory of its own, beside a hook that refuses torch."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel]
    subprocess.run(command, check=True, capture_output=True)
    (target / "no_torch.py").write_text(NO_TORCH)
    return target


def run(installed: Path, work: Path, *commands: str) -> list[dict[str, Any]]:
    """Runs commands of the installed program one after another in ``work``; the JSON object that each prints."""
    # -I leaves out the working directory and PYTHONPATH, so that the checkout cannot be found by chance.
    program = PROGRAM.format(installed=str(installed), commands=[command.split() for command in commands])
    done = subprocess.run([sys.executable, "-I", "-c", program], cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(text) for text in done.stdout.split(SEPARATOR)[:-1]]


def test_the_wheel_carries_all_that_is_read_at_run_time(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for directory in ("templates", "firmware", "boards"):
        for path in (ROOT / directory).rglob("*"):
            if path.is_file():
                assert f"tinybayes/_assets/{path.relative_to(ROOT)}" in names
    for path in (ROOT / "tinybayes").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert str(path.relative_to(ROOT)) in names
    assert not [name for name in names if name.startswith("tests") or "__pycache__" in name]


def test_a_network_is_used_outside_of_the_checkout_and_without_torch(installed: Path, tmp_path: Path) -> None:
    tbn.save(three_formats(), tmp_path / "small.tbn")
    boards, record, verified, built, report = run(
        installed,
        tmp_path,
        "boards",
        "compile small.tbn --board mps2-an386 --out out",
        "verify out --on host",
        "build out",
        "report out",
    )
    assert "mps2-an386" in {board["name"] for board in boards["boards"]}
    assert record["ram"]["arena_bytes"] == 10
    verdict = verified["verify"]["host"]
    assert (verdict["samples"], verdict["mismatches"]) == (256, 0)
    assert (tmp_path / "out" / "build" / "network.elf").stat().st_size > built["flash"]["image_bytes"] > 0
    assert (tmp_path / report["report"]).is_file()


def test_torch_is_really_out_of_reach(installed: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(installed)!r}); import no_torch; import torch"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False)
    assert "torch was imported where a network is only used" in done.stderr
