"""A matrix of networks x boards on a desk or a rack: run, kept, compared with the last time."""

from tinybayes.rack.bench import Bench, BoardEntry, NetworkEntry, read_bench
from tinybayes.rack.compare import Regression, find_regressions
from tinybayes.rack.matrix import Outcome, run_matrix
from tinybayes.rack.store import CellResult, Store

__all__ = [
    "Bench",
    "BoardEntry",
    "CellResult",
    "NetworkEntry",
    "Outcome",
    "Regression",
    "Store",
    "find_regressions",
    "read_bench",
    "run_matrix",
]
