"""Fits what one unit of a recurrent operator costs at one position, for ``plan/cost_recurrent.py``.

Prints the table: ``python scripts/fit_recurrent_cost.py``. Cycles are found without running anything, by the model of
each core; what the estimate of both matrices leaves of them is shared out over positions and units. The mean over dense
weights and index streams, narrow and wide states, is taken, and the worst estimate with it is told.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.networks import Builder, formats_preferring
from tinybayes.boards import load_board
from tinybayes.ir import Gru, Lstm, Recurrent
from tinybayes.pipeline import compile_network
from tinybayes.plan.core_class import core_class
from tinybayes.plan.cost_recurrent import UNIT_CYCLES

BOARDS = ("microbit", "mps2-an385", "mps2-an386", "mps3-an547")
POSITIONS, CHANNELS, UNITS = 4, 8, 32


def measure(kind: type[Recurrent], weight_format: str, bits: int, board_name: str) -> tuple[int, int]:
    """(cycles, what is estimated of them) of one operator."""
    made = Builder(np.random.default_rng(1), (POSITIONS, CHANNELS), per_channel=True)
    graph = made.recurrent(kind, UNITS, bits=bits, last_only=True).graph()
    board = load_board(board_name)
    with TemporaryDirectory() as work:
        formats = formats_preferring(weight_format, graph, board.core)
        deployment = compile_network(graph, board, Path(work) / "out", formats=formats)
        deployment.build()
    return deployment.record["layers"][0]["cycles"], deployment.plan.steps[0].estimated_cycles


def main() -> None:
    """Prints one row for each class of cores."""
    for board in BOARDS:
        core = core_class(load_board(board).core)
        row, worst = {}, 0.0
        for kind in (Gru, Lstm):
            pairs = [measure(kind, name, bits, board) for name in ("dense", "index") for bits in (8, 16)]
            units = POSITIONS * UNITS
            rest = [(cycles - estimate) / units + UNIT_CYCLES[core][kind.op] for cycles, estimate in pairs]
            row[kind.op] = round(float(np.mean(rest)))
            off = [abs(estimate + units * (row[kind.op] - UNIT_CYCLES[core][kind.op]) - c) / c for c, estimate in pairs]
            worst = max(worst, *off)
        print(
            f'    "{core}": {{"gru": {row["gru"]:.1f}, "lstm": {row["lstm"]:.1f}}},  # within {worst:.1%}', flush=True
        )


if __name__ == "__main__":
    main()
