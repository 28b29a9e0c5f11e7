"""Coefficients of the cost formulas of fully connected layers, by class of core: data that
``scripts/fit_cost.py`` fits and writes.

Cycles at zero wait states, as the models of Cortex-M0, M3, M4 and M55 have them; each line says how far its
formula is off at worst on the layers it was fitted to.
"""

from tinybayes.plan.core_class import CoreClass

Coefficients = dict[tuple[str, str], tuple[float, ...]]

LINEAR_COEFFICIENTS: dict[CoreClass, Coefficients] = {
    "armv6m": {
        ("linear", "dense"): (190.66, 82.81, 34.44, 9.08, 0.00, 1.15, 60.27, 36.86, 36.53, 2.99, 15.60),  # within 3.8%
        ("linear", "index"): (67.75, 33.15, 4.97, 4.84, 24.22, 44.26, 45.92, 5.11, 27.96),  # within 9.6%
        ("linear", "huffman"): (57.90, 65.54, 42.43, 7.94, 10.85),  # within 5.2%
        ("linear", "delta"): (92.02, 44.30, 53.80, 0.00, 24.37, 26.12, 7.59, 0.00),  # within 0.3%
        ("linear", "grouped"): (24.24, 6.19, 0.84, 3.78, 3.71, 21.31, 14.45, 17.49, 35.89, 3.52, 20.97),  # within 1.5%
        ("linear", "blocks4x1"): (84.75, 57.37, 37.25, 0.00, 23.48, 0.00, 14.52, 30.10, 4.59, 17.13),  # within 8.3%
    },
    "armv7m": {
        ("linear", "dense"): (117.17, 54.80, 15.99, 6.21, 10.98, 5.67, 0.00, 19.86, 27.25, 2.79, 0.00),  # within 2.9%
        ("linear", "index"): (79.19, 41.02, 23.98, 0.62, 10.54, 28.93, 15.14, 2.07, 0.00),  # within 6.5%
        ("linear", "huffman"): (33.81, 56.47, 14.92, 4.87, 25.01),  # within 5.5%
        ("linear", "delta"): (84.24, 42.46, 20.47, 0.00, 52.89, 10.32, 4.75, 0.00),  # within 0.1%
        ("linear", "grouped"): (16.26, 4.98, 0.00, 1.50, 3.75, 18.51, 10.26, 35.88, 18.47, 1.72, 3.19),  # within 3.5%
        ("linear", "blocks4x1"): (70.19, 30.86, 24.08, 2.76, 10.82, 0.00, 21.83, 12.20, 3.63, 0.00),  # within 3.8%
    },
    "dsp": {
        ("linear", "dense"): (57.03, 71.33, 13.30, 5.60, 0.00, 2.56, 87.34, 22.29, 7.45, 3.27, 0.00),  # within 12.4%
        ("linear", "index"): (40.02, 18.67, 8.25, 1.37, 13.81, 32.54, 23.47, 2.72, 1.60),  # within 2.6%
        ("linear", "huffman"): (30.55, 50.08, 16.91, 0.78, 26.52),  # within 8.1%
        ("linear", "delta"): (44.03, 18.10, 40.48, 2.19, 31.23, 0.00, 5.37, 0.00),  # within 0.2%
        ("linear", "grouped"): (15.63, 3.71, 3.01, 0.54, 1.50, 17.95, 10.45, 37.07, 19.94, 5.57, 0.77),  # within 3.3%
        ("linear", "blocks4x1"): (50.26, 23.68, 17.21, 3.08, 12.40, 0.00, 22.98, 11.68, 2.99, 0.00),  # within 3.9%
        ("linear", "blocks1x4"): (40.69, 15.51, 0.00, 0.00, 0.00, 8.02, 67.30, 29.45, 4.96, 1.36),  # within 17.8%
    },
    "mve": {
        ("linear", "dense"): (0.37, 0.00, 0.00, 3.54, 9.40, 13.39, 37.21, 9.17, 17.31, 0.34, 2.44),  # within 3.6%
        ("linear", "index"): (34.99, 15.25, 9.23, 1.34, 11.94, 28.23, 16.87, 3.23, 0.45),  # within 2.6%
        ("linear", "gather"): (15.12, 11.52, 5.21, 22.71, 17.25, 0.34, 0.42),  # within 16.6%
        ("linear", "huffman"): (25.58, 41.15, 14.80, 2.65, 16.94),  # within 7.0%
        ("linear", "delta"): (44.07, 23.52, 17.65, 0.00, 35.40, 7.11, 2.88, 0.00),  # within 0.1%
        ("linear", "grouped"): (0.00, 3.87, 0.00, 0.08, 12.98, 11.29, 8.93, 33.02, 8.00, 4.32, 2.34),  # within 3.6%
        ("linear", "blocks4x1"): (50.12, 20.10, 22.74, 0.86, 9.48, 0.00, 30.55, 9.62, 2.39, 0.00),  # within 3.7%
        ("linear", "blocks1x4"): (39.21, 17.07, 0.00, 0.00, 0.00, 4.92, 70.00, 23.84, 0.00, 0.00),  # within 18.2%
        ("linear", "blocks1x16"): (5.53, 9.85, 3.15, 29.75, 14.48, 0.09, 0.00),  # within 10.7%
    },
}

SELECT_COEFFICIENTS: dict[CoreClass, tuple[float, float]] = {
    "armv6m": (8.97, 13.41),
    "armv7m": (5.98, 12.35),
    "dsp": (5.98, 12.35),
    "mve": (2.00, 16.26),
}
"""Of dropping inputs that no weight reads: for each one that is kept, and for each run of them."""
