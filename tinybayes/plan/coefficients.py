"""Coefficients of the cost formulas, by class of core: data that ``scripts/fit_cost.py`` fits and writes anew."""

from tinybayes.plan.core_class import CoreClass

Coefficients = dict[tuple[str, str], tuple[float, ...]]

_FITTED: Coefficients = {
    ("linear", "dense"): (4.00, 17.31),
    ("linear", "index"): (5.23, 23.34, 4.84),
    ("linear", "gather"): (1.0, 14.0, 15.0),
    ("linear", "huffman"): (29.02, 24.13),
    ("conv", "dense"): (2.71, 12.14, 165.03),
    ("conv", "index"): (2.48, 18.76, 17.94, 0.00),
    ("conv", "huffman"): (2.67, 18.74, 42.85, 0.00),
}

COEFFICIENTS: dict[CoreClass, Coefficients] = {
    "armv6m": _FITTED,
    "armv7m": _FITTED,
    "dsp": _FITTED,
    "mve": _FITTED,
}

SELECT_COEFFICIENTS: dict[CoreClass, tuple[float, float]] = {
    "armv6m": (8.0, 12.0),
    "armv7m": (7.0, 12.0),
    "dsp": (7.0, 12.0),
    "mve": (7.0, 12.0),
}
"""Of dropping inputs that no weight reads: for each one that is kept, and for each run of them."""
