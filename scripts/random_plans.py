"""Holds the chosen plan and the estimates against random plans, built and emulated.

    .venv/bin/python scripts/random_plans.py [--plans 200] [--networks A B C] [--cores m4 m0 m55]

Networks: A is the trained mnist-lenet300, B LeNet-5 in Caffe's shape with 33, 2, 0.2 and 5 % of its weights, C the IMU
network of docs/performance.md with 10 %. For each of them and each core: the plan of ``--objective latency`` must be
within 3 % of the fastest of all that were measured, predicted bytes must be those of the ELF, and predicted cycles
within 8 %. Measurements are kept in out/random_plans/, by what was measured, so that the same command goes on where it
stopped. Exit status 1 where something does not hold.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import tinybayes
from scripts.bar_networks import convolutional, trained
from tinybayes import explore, tbn
from tinybayes.assets import asset_directory
from tinybayes.boards import Board, load_board
from tinybayes.build.toolchain import require
from tinybayes.ir import Graph
from tinybayes.plan import make_plan
from tinybayes.plan.candidates import pinned
from tinybayes.plan.front import Choice, choice_of, every_candidate

CACHE = Path("out/random_plans")
BOARDS = {"m4": "mps2-an386", "m0": "microbit", "m55": "mps3-an547"}
NETWORKS: dict[str, Callable[[], Graph]] = {
    "A": trained,
    "B": lambda: convolutional("LeNet-5", (0.33, 0.02, 0.002, 0.05)),
    "C": lambda: convolutional("IMU CNN", 0.1),
}
SHARES = {"m4": 1.0, "m0": 0.25, "m55": 0.25}
"""Of ``--plans``, how many are measured on each core."""
MOST_PLANS = 200
MOST_BEHIND, MOST_OFF = 0.03, 0.08


@dataclass
class Finding:
    """What was found for a network on a core; ratios are parts of one."""

    network: str
    core: str
    plans: int
    chosen_cycles: int
    best_cycles: int
    behind: float
    farthest_off: float
    wrong_bytes: int

    @property
    def holds(self) -> bool:
        """Whether everything is as it must be."""
        return self.behind <= MOST_BEHIND and self.farthest_off <= MOST_OFF and not self.wrong_bytes


@cache
def generators() -> bytes:
    """All that an image and its cycles are made by: firmware, templates, what writes code, boards, timing, compiler."""
    package = Path(tinybayes.__file__).parent
    sources = [asset_directory("firmware"), asset_directory("templates"), package / "timing", package / "boards"]
    sources += [package / "emit", package / "plan" / "straight", package / "plan" / "formats"]
    files = (
        path for folder in sources for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".pyc"
    )
    version = subprocess.run([require("arm-none-eabi-gcc"), "--version"], check=True, capture_output=True).stdout
    return hashlib.sha256(b"\0".join([version, *(path.read_bytes() for path in files)])).digest()


def measured(graph: Graph, board: Board, choice: Choice) -> dict[str, int] | None:
    """Cycles and bytes of weights of a plan; None where the board cannot hold it."""
    told = [tbn.dumps(graph), board.name.encode(), json.dumps(sorted(choice.formats.items())).encode()]
    key = hashlib.sha256(b"\0".join([*told, generators()])).hexdigest()[:24]
    path = CACHE / f"{key}.json"
    if not path.exists():
        record = explore.measure(graph, board, choice)
        kept: dict[str, Any] | None = None
        if record is not None:
            kept = {"cycles": record["latency"]["cycles"], "weights_bytes": record["flash"]["weights_bytes"]}
        CACHE.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    found: dict[str, int] | None = json.loads(path.read_text(encoding="utf-8"))
    return found


def random_choices(graph: Graph, core: str, plans: int) -> list[Choice]:
    """Different plans, every format of every part as likely as the others."""
    every = every_candidate(graph, core)
    rng = np.random.default_rng(0)
    found: dict[str, Choice] = {}
    possible = int(np.prod([float(len(part)) for part in every]).clip(max=1e9))
    for _ in range(40 * plans):
        if len(found) >= min(plans, possible):
            break
        choice = choice_of([part[int(rng.integers(len(part)))] for part in every])
        found.setdefault(json.dumps(sorted(choice.formats.items())), choice)
    return list(found.values())


def plans_on(core: str, most: int = MOST_PLANS) -> int:
    """How many random plans are measured on a core."""
    return max(1, round(most * SHARES[core]))


def judge(name: str, core: str, plans: int) -> Finding:
    """Measures the chosen plan and random ones."""
    graph, board = NETWORKS[name](), load_board(BOARDS[core])
    formats = {step.name: step.format for step in make_plan(graph, "latency", board.core).steps}
    chosen = choice_of([pinned(part, formats) for part in every_candidate(graph, board.core)])
    best, behind_of, farthest, wrong, count = None, None, 0.0, 0, 0
    for number, choice in enumerate([chosen, *random_choices(graph, board.core, plans)]):
        got = measured(graph, board, choice)
        if got is None:
            continue
        count += 1
        off = choice.estimated_cycles / got["cycles"] - 1
        farthest = max(farthest, abs(off))
        wrong += got["weights_bytes"] != choice.weights_bytes
        best = got["cycles"] if best is None else min(best, got["cycles"])
        behind_of = got["cycles"] if number == 0 else behind_of
        if abs(off) > MOST_OFF:
            texts = ", ".join(f"{step} {weight_format}" for step, weight_format in choice.formats.items())
            print(f"  {name} {core}: predicted {off:+.1%} off with {texts}", flush=True)
    if best is None or behind_of is None:
        raise SystemExit(f"{name} {core}: the chosen plan does not fit {board.name}")
    return Finding(name, core, count, behind_of, best, behind_of / best - 1, farthest, wrong)


def main() -> int:
    """Prints a line for each network and core; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", type=int, default=MOST_PLANS)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--cores", nargs="+", choices=BOARDS, default=list(BOARDS))
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    findings = []
    for name in options.networks:
        for core in options.cores:
            found = judge(name, core, plans_on(core, options.plans))
            findings.append(found)
            print(
                f"{'pass' if found.holds else 'MISS'}  {name} {core:4} {found.plans:4} plans: chosen "
                f"{found.chosen_cycles:,} cycles, {found.behind:+.1%} of the best; predictions within "
                f"{found.farthest_off:.1%}; bytes wrong {found.wrong_bytes} times",
                flush=True,
            )
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(found) for found in findings], indent=1) + "\n", encoding="utf-8")
    return 0 if all(found.holds for found in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
