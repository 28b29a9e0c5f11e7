"""The latency figures of report.json, from what a timing model says of a trace."""

from collections.abc import Mapping, Sequence
from typing import Any

from tinybayes.boards import Board
from tinybayes.boards.bench import Calibration
from tinybayes.timing.factors import Factors
from tinybayes.timing.model import StepCycles, TraceCycles


def fill_latency(
    record: dict[str, Any],
    cost: TraceCycles,
    *,
    source: str,
    board: Board,
    model_version: str,
    calibration: Calibration | None,
) -> None:
    """Writes ``cost`` into ``record``, layer by layer; ``source`` is ``"static"`` or ``"emulated"``.

    What the network's entry costs besides its layers stands under ``between_layers``, so that it and the layers add
    up to the totals. With a ``calibration`` of the same model, all cycles are multiplied by the board's factors.
    """
    applies = calibration is not None and calibration.model_version == model_version
    factors = Factors(calibration.core_factor, calibration.flash_factor) if calibration and applies else Factors()
    entry = _figures(cost.entry, factors)
    layers = [_figures(cost.steps[number], factors) for number in sorted(cost.steps)]
    totals = {key: entry[key] + sum(layer[key] for layer in layers) for key in entry}
    record["latency"] = {
        "source": source,
        **totals,
        "seconds": (totals["cycles"] + totals["flash_stall_cycles"]) / board.clock_hz,
        "model_version": model_version,
        "between_layers": entry,
        "same_for_every_input": record["latency"].get("same_for_every_input"),
        "calibration": _calibration(calibration) if calibration and applies else None,
    }
    for layer, figures in zip(record["layers"], layers, strict=True):
        layer.update(figures)


def core_row(cost: TraceCycles, layers: Sequence[str], board: Board, model_version: str) -> dict[str, Any]:
    """One row of the comparison of cores: totals, the entry and each layer, with the clock and flash of ``board``."""
    total = cost.total
    return {
        "core": board.core,
        "board": board.name,
        "clock_hz": board.clock_hz,
        **_figures(total, Factors()),
        "seconds": total.seconds(board.clock_hz),
        "model_version": model_version,
        "between_layers": _figures(cost.entry, Factors()),
        "layers": [{"name": name, **_figures(cost.steps[number], Factors())} for number, name in enumerate(layers)],
    }


def _figures(cost: StepCycles, factors: Factors) -> dict[str, int]:
    return {
        "instructions": cost.instructions,
        "cycles": factors.core_cycles(cost.cycles),
        "flash_stall_cycles": factors.stall_cycles(cost.flash_stall_cycles),
    }


def _calibration(calibration: Calibration) -> Mapping[str, Any]:
    return {
        "core_factor": calibration.core_factor,
        "flash_factor": calibration.flash_factor,
        "largest_error": calibration.largest_error,
        "cycle_counter": calibration.cycle_counter,
    }
