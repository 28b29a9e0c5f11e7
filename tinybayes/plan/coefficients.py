"""Coefficients of the cost formulas, by class of core, in cycles at zero wait states.

They are from runs of LeNet-300-100, of a 64 x 256 and of a 700 x 50 layer (``scripts/fit_cost.py``).
"""

from tinybayes.plan.core_class import CoreClass

Coefficients = dict[tuple[str, str], tuple[float, ...]]

COEFFICIENTS: dict[CoreClass, Coefficients] = {
    "armv6m": {
        ("linear", "dense"): (5.88, 52.00),
        ("linear", "index"): (8.50, 28.60, 19.50),
        ("linear", "huffman"): (58.00, 56.00),
    },
    "armv7m": {
        ("linear", "dense"): (3.88, 30.00),
        ("linear", "index"): (8.00, 31.70, 17.00),
        ("linear", "huffman"): (30.50, 32.00),
    },
    "dsp": {
        ("linear", "dense"): (1.69, 35.00),
        ("linear", "index"): (4.90, 22.00, 1.00),
        ("linear", "huffman"): (29.50, 32.00),
    },
    "mve": {
        ("linear", "dense"): (0.25, 40.00),
        ("linear", "index"): (4.90, 22.00, 1.00),
        ("linear", "gather"): (0.75, 14.00, 15.00),
        ("linear", "huffman"): (29.50, 32.00),
    },
}

SELECT_COEFFICIENTS: dict[CoreClass, tuple[float, float]] = {
    "armv6m": (8.0, 12.0),
    "armv7m": (7.0, 12.0),
    "dsp": (7.0, 12.0),
    "mve": (7.0, 12.0),
}
"""Of dropping inputs that no weight reads: for each one that is kept, and for each run of them."""
