"""Builds the calibration image, runs it on a board, and fits the board's factors."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinybayes.boards import Board
from tinybayes.boards.bench import Calibration, store_calibration
from tinybayes.calibration.network import calibration_input, calibration_network
from tinybayes.deployment import Deployment
from tinybayes.errors import DeviceError
from tinybayes.hil import Link, Session
from tinybayes.pipeline import compile_network
from tinybayes.timing.factors import fit_factors
from tinybayes.timing.model import TraceCycles

_NAME = "calibration"
_REPEATS = 9  # of which the median counts: an interrupt now and then does not matter
_LARGEST_ERROR = 0.25


@dataclass(frozen=True)
class LayerMeasurement:
    """Cycles of one layer: as measured, and as the model has them before and after its factors were fitted."""

    name: str
    measured_cycles: int
    model_cycles: int
    model_stall_cycles: int
    fitted_cycles: int


@dataclass(frozen=True)
class Measurement:
    """What came out of a calibration, and where it was stored."""

    board: str
    calibration: Calibration
    layers: tuple[LayerMeasurement, ...]
    stored_in: Path


def prepare(board: Board, directory: Path) -> Deployment:
    """Compiles and builds the image that ``calibrate`` wants to find on ``board``."""
    deployment = compile_network(calibration_network(), board, directory, name=_NAME)
    deployment.build()
    return deployment


def calibrate(deployment: Deployment, url: str, *, timeout_seconds: float = 5.0, attempts: int = 5) -> Measurement:
    """Measures the board at ``url``, on which the image of ``deployment`` runs, and stores its factors.

    Raises DeviceError where nothing answers, where another network or board answers, where nothing on the board
    counts cycles, or where no factors come near to what it counted: then nothing is stored.
    """
    model = deployment.static_cycles()
    link = Link(url, timeout_seconds=timeout_seconds, attempts=attempts)
    try:
        session = Session(link, expected_digest=deployment.digest)
        if session.identity.board != deployment.board.name:
            raise DeviceError(
                f"{url}: hello: a {session.identity.board} answers, wanted {deployment.board.name}; give its name "
                "with --board and flash the image made for it"
            )
        session.load_input(calibration_input())
        profiles = [session.profile() for _ in range(_REPEATS)]
    finally:
        link.close()
    measured = np.median([profile.cycles for profile in profiles], axis=0)
    return _fitted(deployment, model, measured, profiles[0].cycle_counter, url)


def _fitted(
    deployment: Deployment, model: TraceCycles, measured: np.ndarray, cycle_counter: str, url: str
) -> Measurement:
    steps = [model.steps[number] for number in sorted(model.steps)]
    cycles = np.array([step.cycles for step in steps], np.float64)
    stalls = np.array([step.flash_stall_cycles for step in steps], np.float64)
    fit = fit_factors(measured.astype(np.float64), cycles, stalls)
    if fit.largest_error > _LARGEST_ERROR:
        raise DeviceError(
            f"{url}: the cycles measured are up to {fit.largest_error:.0%} off with the best factors, so nothing is "
            f"stored; check that the board's clock and {cycle_counter} run at {deployment.board.clock_hz} Hz, and "
            "flash the image again"
        )
    factors = fit.factors
    calibration = Calibration(
        core_factor=factors.core,
        flash_factor=factors.flash,
        largest_error=fit.largest_error,
        model_version=deployment.model_version,
        cycle_counter=cycle_counter,
        network_digest=deployment.digest.hex(),
    )
    layers = tuple(
        LayerMeasurement(
            plan_step.name,
            int(count),
            step.cycles,
            step.flash_stall_cycles,
            round(factors.core * step.cycles + factors.flash * step.flash_stall_cycles + fit.overhead_cycles),
        )
        for plan_step, step, count in zip(deployment.plan.steps, steps, measured, strict=True)
    )
    return Measurement(
        deployment.board.name, calibration, layers, store_calibration(deployment.board.name, calibration)
    )
