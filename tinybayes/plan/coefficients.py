"""Coefficients of the cost formulas, by class of core, in cycles at zero wait states.

Those of fully connected layers are in ``plan/coefficients_linear.py`` (``scripts/fit_cost.py``), those of convolutions
from ``scripts/fit_conv_cost.py``.
"""

from tinybayes.plan.coefficients_linear import LINEAR_COEFFICIENTS, Coefficients
from tinybayes.plan.core_class import CORE_CLASSES, CoreClass

CONV_COEFFICIENTS: dict[CoreClass, Coefficients] = {
    "dsp": {
        ("conv", "dense"): (4.48, 20.66, 58.19),  # within 9.8%
        ("conv", "index"): (14.68, 0.00, 43.53, 9.71, 37.84),  # within 20.3%
        ("conv", "huffman"): (14.55, 2.12, 40.06, 12.00, 72.86),  # within 16.5%
        ("conv", "pairs"): (15.60, 3.11, 36.73, 13.90),  # within 17.9%
        ("conv", "blocks"): (32.07, 34.27, 65.79, 7.30),  # within 6.1%
    },
    "armv7m": {
        ("conv", "dense"): (11.78, 22.81, 57.77),  # within 4.5%
        ("conv", "index"): (19.11, 0.00, 47.47, 8.28, 38.30),  # within 16.5%
        ("conv", "huffman"): (18.63, 0.00, 56.60, 5.82, 84.04),  # within 15.6%
        ("conv", "pairs"): (20.10, 3.53, 45.93, 10.38),  # within 14.7%
        ("conv", "blocks"): (204.87, 25.60, 149.15, 0.00),  # within 11.1%
    },
    "armv6m": {
        ("conv", "dense"): (18.35, 59.39, 57.11),  # within 3.0%
        ("conv", "index"): (24.93, 12.86, 29.64, 39.02, 42.42),  # within 9.9%
        ("conv", "huffman"): (25.33, 17.19, 24.27, 41.46, 99.13),  # within 9.4%
        ("conv", "pairs"): (26.28, 17.44, 21.91, 43.03),  # within 9.3%
        ("conv", "blocks"): (333.83, 34.21, 218.11, 0.00),  # within 40.7%
    },
    "mve": {
        ("conv", "dense"): (4.40, 22.70, 36.87),  # within 7.4%
        ("conv", "index"): (11.76, 2.50, 37.33, 12.76, 9.83),  # within 16.9%
        ("conv", "huffman"): (11.95, 4.17, 34.72, 13.92, 36.44),  # within 13.5%
        ("conv", "pairs"): (11.96, 2.39, 40.28, 11.07),  # within 15.5%
        ("conv", "blocks"): (25.92, 21.72, 67.57, 9.37),  # within 7.1%
    },
}
"""As ``scripts/fit_conv_cost.py`` prints them."""

COEFFICIENTS: dict[CoreClass, Coefficients] = {
    core: LINEAR_COEFFICIENTS[core] | CONV_COEFFICIENTS[core] for core in CORE_CLASSES
}
