"""Coefficients of the cost formulas, by class of core: data that ``scripts/fit_cost.py`` fits and writes anew.

Cycles at zero wait states. Those of fully connected layers are from runs of LeNet-300-100, of a 64 x 256 and of a
700 x 50 layer; those of convolutions are instructions on the Cortex-M4, and stand for all classes.
"""

from tinybayes.plan.core_class import CoreClass

Coefficients = dict[tuple[str, str], tuple[float, ...]]

_CONV: Coefficients = {
    ("conv", "dense"): (2.71, 12.14, 165.03),
    ("conv", "index"): (2.48, 18.76, 17.94, 0.00),
    ("conv", "huffman"): (2.67, 18.74, 42.85, 0.00),
}

COEFFICIENTS: dict[CoreClass, Coefficients] = {
    "armv6m": {
        ("linear", "dense"): (5.88, 52.00),
        ("linear", "index"): (8.50, 28.60, 19.50),
        ("linear", "huffman"): (58.00, 56.00),
        **_CONV,
    },
    "armv7m": {
        ("linear", "dense"): (3.88, 30.00),
        ("linear", "index"): (8.00, 31.70, 17.00),
        ("linear", "huffman"): (30.50, 32.00),
        **_CONV,
    },
    "dsp": {
        ("linear", "dense"): (1.69, 35.00),
        ("linear", "index"): (4.90, 22.00, 1.00),
        ("linear", "huffman"): (29.50, 32.00),
        **_CONV,
    },
    "mve": {
        ("linear", "dense"): (0.25, 40.00),
        ("linear", "index"): (4.90, 22.00, 1.00),
        ("linear", "gather"): (0.75, 14.00, 15.00),
        ("linear", "huffman"): (29.50, 32.00),
        **_CONV,
    },
}

SELECT_COEFFICIENTS: dict[CoreClass, tuple[float, float]] = {
    "armv6m": (8.0, 12.0),
    "armv7m": (7.0, 12.0),
    "dsp": (7.0, 12.0),
    "mve": (7.0, 12.0),
}
"""Of dropping inputs that no weight reads: for each one that is kept, and for each run of them."""
