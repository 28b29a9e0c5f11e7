"""Coefficients of the cost formulas of fully connected layers, by class of core: data that
``scripts/fit_cost.py`` fits and writes.

Cycles at zero wait states, as the models of Cortex-M0, M3, M4 and M55 have them; each line says how far its
formula is off at worst on the layers it was fitted to.
"""

from tinybayes.plan.core_class import CoreClass

Coefficients = dict[tuple[str, str], tuple[float, ...]]

LINEAR_COEFFICIENTS: dict[CoreClass, Coefficients] = {
    "armv6m": {
        ("linear", "dense"): (
            189.92,
            85.35,
            32.16,
            0.00,
            0.00,
            37.16,
            23.76,
            0.00,
            0.00,
            1.65,
            210.41,
            28.01,
            0.00,
            3.73,
            14.95,
        ),  # within 3.9%
        ("linear", "index"): (67.75, 33.15, 4.97, 4.84, 24.22, 44.26, 45.92, 5.11, 27.96),  # within 9.6%
        ("linear", "huffman"): (57.90, 65.54, 42.43, 7.94, 10.85),  # within 5.2%
        ("linear", "delta"): (92.02, 44.30, 53.80, 0.00, 24.37, 26.12, 7.59, 0.00),  # within 0.3%
        ("linear", "grouped"): (24.24, 6.19, 0.84, 3.78, 3.71, 21.31, 14.45, 17.49, 35.89, 3.52, 20.97),  # within 1.5%
        ("linear", "blocks4x1"): (84.75, 57.37, 37.25, 0.00, 23.48, 0.00, 14.52, 30.10, 4.59, 17.13),  # within 8.3%
    },
    "armv7m": {
        ("linear", "dense"): (
            114.22,
            40.80,
            13.61,
            15.57,
            0.00,
            25.07,
            16.93,
            0.00,
            16.44,
            9.10,
            92.12,
            9.40,
            4.24,
            3.61,
            0.00,
        ),  # within 2.3%
        ("linear", "index"): (79.19, 41.02, 23.98, 0.62, 10.54, 28.93, 15.14, 2.07, 0.00),  # within 6.5%
        ("linear", "huffman"): (33.81, 56.47, 14.92, 4.87, 25.01),  # within 5.5%
        ("linear", "delta"): (84.24, 42.46, 20.47, 0.00, 52.89, 10.32, 4.75, 0.00),  # within 0.1%
        ("linear", "grouped"): (16.26, 4.98, 0.00, 1.50, 3.75, 18.51, 10.26, 35.88, 18.47, 1.72, 3.19),  # within 3.5%
        ("linear", "blocks4x1"): (70.19, 30.86, 24.08, 2.76, 10.82, 0.00, 21.83, 12.20, 3.63, 0.00),  # within 3.8%
    },
    "dsp": {
        ("linear", "dense"): (
            56.98,
            71.92,
            12.71,
            0.00,
            0.00,
            22.42,
            9.41,
            0.00,
            0.00,
            2.66,
            118.07,
            18.25,
            0.00,
            3.43,
            0.00,
        ),  # within 12.1%
        ("linear", "index"): (40.02, 18.67, 8.25, 1.37, 13.81, 32.54, 23.47, 2.72, 1.60),  # within 2.6%
        ("linear", "huffman"): (30.55, 50.08, 16.91, 0.78, 26.52),  # within 8.1%
        ("linear", "delta"): (44.03, 18.10, 40.48, 2.19, 31.23, 0.00, 5.37, 0.00),  # within 0.2%
        ("linear", "grouped"): (15.63, 3.71, 3.01, 0.54, 1.50, 17.95, 10.45, 37.07, 19.94, 5.57, 0.77),  # within 3.3%
        ("linear", "blocks4x1"): (50.26, 23.68, 17.21, 3.08, 12.40, 0.00, 22.98, 11.68, 2.99, 0.00),  # within 3.9%
        ("linear", "blocks1x4"): (
            40.99,
            17.81,
            11.70,
            1.75,
            0.00,
            4.08,
            12.51,
            33.85,
            36.66,
            21.47,
            2.11,
            0.00,
        ),  # within 11.1%
    },
    "mve": {
        ("linear", "dense"): (
            0.33,
            0.00,
            0.00,
            0.00,
            0.00,
            14.15,
            1.68,
            0.00,
            9.51,
            13.42,
            18.09,
            10.04,
            22.02,
            0.34,
            2.37,
        ),  # within 3.5%
        ("linear", "index"): (34.99, 15.25, 9.23, 1.34, 11.94, 28.23, 16.87, 3.23, 0.45),  # within 2.6%
        ("linear", "gather"): (15.27, 11.85, 0.89, 5.18, 23.72, 16.54, 0.57, 0.19),  # within 16.5%
        ("linear", "huffman"): (25.58, 41.15, 14.80, 2.65, 16.94),  # within 7.0%
        ("linear", "delta"): (44.07, 23.52, 17.65, 0.00, 35.40, 7.11, 2.88, 0.00),  # within 0.1%
        ("linear", "grouped"): (0.00, 3.87, 0.00, 0.08, 12.98, 11.29, 8.93, 33.02, 8.00, 4.32, 2.34),  # within 3.6%
        ("linear", "blocks4x1"): (50.12, 20.10, 22.74, 0.86, 9.48, 0.00, 30.55, 9.62, 2.39, 0.00),  # within 3.7%
        ("linear", "blocks1x4"): (
            39.09,
            15.96,
            3.27,
            0.98,
            0.00,
            5.24,
            11.03,
            26.47,
            41.18,
            17.39,
            1.53,
            0.00,
        ),  # within 7.7%
        ("linear", "blocks1x16"): (5.53, 9.85, 0.00, 3.15, 29.75, 14.48, 0.09, 0.00),  # within 10.7%
    },
}

SELECT_COEFFICIENTS: dict[CoreClass, tuple[float, float]] = {
    "armv6m": (8.97, 13.41),
    "armv7m": (5.98, 12.35),
    "dsp": (5.98, 12.35),
    "mve": (2.00, 16.26),
}
"""Of dropping inputs that no weight reads: for each one that is kept, and for each run of them."""
