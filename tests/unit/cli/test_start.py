"""How the command starts: at once, and without what it does not need."""

import json
import subprocess
import sys

import pytest

MOST_CPU_SECONDS = 0.5
PROGRAM = """
import atexit, json, resource, sys
sys.argv = ["tinybayes", *{arguments!r}]
def tell():
    used = resource.getrusage(resource.RUSAGE_SELF)
    heavy = sorted({{"torch", "numpy", "scipy", "matplotlib", "jinja2", "cffi"}} & set(sys.modules))
    print(json.dumps({{"seconds": used.ru_utime + used.ru_stime, "heavy": heavy}}), file=sys.stderr)
atexit.register(tell)
from tinybayes.cli import main
main()
"""


def start(*arguments: str) -> tuple[str, float, list[str]]:
    program = PROGRAM.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    told = json.loads(done.stderr.splitlines()[-1])
    return done.stdout, told["seconds"], told["heavy"]


def test_help_answers_within_half_a_second_of_cpu_time_and_imports_nothing_heavy() -> None:
    # The least of three: what else the machine does must not fail this.
    runs = [start("--help") for _ in range(3)]
    text, _, heavy = runs[0]
    for command in ("demo", "train", "compile", "build", "run", "verify", "report", "boards", "doctor", "calibrate"):
        assert command in text
    assert heavy == []
    assert min(seconds for _, seconds, _ in runs) < MOST_CPU_SECONDS


@pytest.mark.parametrize("arguments", [("train", "--help"), ("boards", "--json")])
def test_other_quick_commands_do_not_import_torch(arguments: tuple[str, ...]) -> None:
    _, _, heavy = start(*arguments)
    assert "torch" not in heavy


def test_python_dash_m_is_the_same_command() -> None:
    command = [sys.executable, "-m", "tinybayes", "boards", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    [board] = [board for board in json.loads(done.stdout)["boards"] if board["name"] == "mps2-an386"]
    assert {key: board[key] for key in ("core", "emulated", "chip")} == {
        "core": "cortex-m4",
        "emulated": True,
        "chip": "an386",
    }
    assert set(board) == {"name", "title", "chip", "core", "emulated", "tier"}
