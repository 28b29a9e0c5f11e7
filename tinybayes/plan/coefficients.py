"""Coefficients of the cost formulas, by class of core, in cycles at zero wait states.

Those of fully connected layers are from runs of LeNet-300-100, of a 64 x 256 and of a 700 x 50 layer
(``scripts/fit_cost.py``), those of convolutions from ``scripts/fit_conv_cost.py``.
"""

from tinybayes.plan.core_class import CoreClass

Coefficients = dict[tuple[str, str], tuple[float, ...]]

CONV_COEFFICIENTS: dict[CoreClass, Coefficients] = {
    "armv6m": {
        ("conv", "dense"): (19.93, 147.16, 1.90, 8.20),  # within 2.5%
        ("conv", "index"): (26.01, 28.50, 23.01, 0.00, 41.70, 0.00),  # within 16.1%
        ("conv", "huffman"): (26.31, 0.00, 14.36, 101.80, 42.90, 93.68),  # within 12.1%
        ("conv", "pairs"): (24.64, 24.08, 36.87, 3.34, 36.23),  # within 14.0%
        ("conv", "blocks"): (292.21, 86.67, 320.04, 0.00, 0.00),  # within 32.8%
    },
    "armv7m": {
        ("conv", "dense"): (13.39, 86.61, 2.06, 0.00),  # within 1.9%
        ("conv", "index"): (20.11, 19.92, 66.19, 0.00, 0.00, 8.98),  # within 14.8%
        ("conv", "huffman"): (18.70, 0.00, 64.10, 60.41, 0.00, 79.87),  # within 13.5%
        ("conv", "pairs"): (19.65, 17.68, 62.78, 0.00, 0.00),  # within 14.2%
        ("conv", "blocks"): (202.88, 28.85, 124.86, 137.61, 0.00),  # within 17.8%
    },
    "dsp": {
        ("conv", "dense"): (5.67, 72.66, 6.69, 3.41),  # within 2.6%
        ("conv", "index"): (15.16, 18.82, 72.09, 0.00, 0.00, 10.45),  # within 16.2%
        ("conv", "huffman"): (14.71, 0.00, 57.32, 56.08, 0.00, 74.84),  # within 17.9%
        ("conv", "pairs"): (15.46, 15.92, 60.96, 0.00, 0.00),  # within 17.3%
        ("conv", "blocks"): (31.63, 53.07, 79.20, 0.00, 0.00),  # within 9.4%
    },
    "mve": {
        ("conv", "dense"): (0.63, 39.11, 4.37, 5.24),  # within 4.8%
        ("conv", "index"): (11.75, 15.32, 63.50, 1.00, 0.00, 7.23),  # within 18.0%
        ("conv", "huffman"): (11.23, 0.00, 57.83, 54.26, 0.00, 55.00),  # within 12.4%
        ("conv", "pairs"): (11.73, 15.12, 56.26, 0.00, 0.87),  # within 14.3%
        ("conv", "blocks"): (25.86, 39.62, 83.10, 6.94, 0.00),  # within 7.9%
    },
}
"""As ``scripts/fit_conv_cost.py`` prints them."""

COEFFICIENTS: dict[CoreClass, Coefficients] = {
    "armv6m": {
        ("linear", "dense"): (5.88, 52.00),
        ("linear", "index"): (8.50, 28.60, 19.50),
        ("linear", "huffman"): (58.00, 56.00),
        **CONV_COEFFICIENTS["armv6m"],
    },
    "armv7m": {
        ("linear", "dense"): (3.88, 30.00),
        ("linear", "index"): (8.00, 31.70, 17.00),
        ("linear", "huffman"): (30.50, 32.00),
        **CONV_COEFFICIENTS["armv7m"],
    },
    "dsp": {
        ("linear", "dense"): (1.69, 35.00),
        ("linear", "index"): (4.90, 22.00, 1.00),
        ("linear", "huffman"): (29.50, 32.00),
        **CONV_COEFFICIENTS["dsp"],
    },
    "mve": {
        ("linear", "dense"): (0.25, 40.00),
        ("linear", "index"): (4.90, 22.00, 1.00),
        ("linear", "gather"): (0.75, 14.00, 15.00),
        ("linear", "huffman"): (29.50, 32.00),
        **CONV_COEFFICIENTS["mve"],
    },
}

SELECT_COEFFICIENTS: dict[CoreClass, tuple[float, float]] = {
    "armv6m": (8.0, 12.0),
    "armv7m": (7.0, 12.0),
    "dsp": (7.0, 12.0),
    "mve": (7.0, 12.0),
}
"""Of dropping inputs that no weight reads: for each one that is kept, and for each run of them."""
