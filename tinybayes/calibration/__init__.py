"""Measures a board with a network made for it, and finds by how much it differs from the timing model."""

from tinybayes.calibration.measure import Measurement, calibrate, prepare
from tinybayes.calibration.network import calibration_network

__all__ = ["Measurement", "calibrate", "calibration_network", "prepare"]
