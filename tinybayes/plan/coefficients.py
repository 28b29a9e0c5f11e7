"""Coefficients of the cost formulas, by class of core, in cycles at zero wait states.

Those of fully connected layers are in ``plan/coefficients_linear.py`` (``scripts/fit_cost.py``), those of convolutions
from ``scripts/fit_conv_cost.py``.
"""

from tinybayes.plan.coefficients_linear import LINEAR_COEFFICIENTS, Coefficients
from tinybayes.plan.core_class import CORE_CLASSES, CoreClass

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
    core: LINEAR_COEFFICIENTS[core] | CONV_COEFFICIENTS[core] for core in CORE_CLASSES
}
