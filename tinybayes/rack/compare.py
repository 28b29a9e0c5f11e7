"""What got worse since the last time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tinybayes.rack.store import CellResult

_FIGURES = (("flash_bytes", "memory"), ("ram_bytes", "memory"), ("latency_seconds", "latency"))


@dataclass(frozen=True)
class Regression:
    """A figure of a cell that grew by more than it may; ``ratio`` is ``now`` over ``before``."""

    network: str
    board: str
    figure: str
    before: float
    now: float
    limit: float

    @property
    def ratio(self) -> float:
        """How much larger it is."""
        return self.now / self.before

    def __str__(self) -> str:
        form = ",.0f" if self.figure.endswith("_bytes") else ".4g"
        return (
            f"{self.network} on {self.board}: {self.figure} {self.before:{form}} -> {self.now:{form}}, "
            f"{self.ratio:.4f} times as much, more than {self.limit:g}"
        )


def find_regressions(
    before: Mapping[tuple[str, str], CellResult],
    now: Iterable[CellResult],
    *,
    memory_ratio: float,
    latency_ratio: float,
) -> tuple[Regression, ...]:
    """Figures of good cells that grew by more than the ratios; latencies of different sources are not compared."""
    limits = {"memory": memory_ratio, "latency": latency_ratio}
    found = []
    for cell in now:
        old = before.get((cell.network, cell.board))
        if old is None or not cell.good:
            continue
        for figure, kind in _FIGURES:
            then, today = getattr(old, figure), getattr(cell, figure)
            comparable = kind != "latency" or old.latency_source == cell.latency_source
            if comparable and then and today is not None and today > limits[kind] * then:
                found.append(Regression(cell.network, cell.board, figure, then, today, limits[kind]))
    return tuple(found)
