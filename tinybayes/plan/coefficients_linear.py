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
        ("linear", "index"): (67.96, 33.72, 6.59, 4.71, 23.32, 22.04, 47.70, 45.19, 5.31, 22.03),  # within 10.4%
        ("linear", "huffman"): (48.16, 7.16, 7.88, 0.00, 13.43, 44.49, 5.79, 22.58),  # within 14.3%
        ("linear", "delta"): (99.60, 23.48, 43.61, 8.01, 32.03, 54.88, 1.91, 0.00),  # within 0.8%
        ("linear", "grouped"): (
            24.51,
            8.72,
            0.00,
            5.29,
            3.61,
            19.85,
            14.35,
            13.53,
            24.81,
            35.43,
            3.50,
            15.50,
        ),  # within 2.0%
        ("linear", "blocks4x1"): (
            85.07,
            51.80,
            35.37,
            2.61,
            27.21,
            27.98,
            0.00,
            22.10,
            29.64,
            4.56,
            15.34,
        ),  # within 9.1%
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
        ("linear", "index"): (78.82, 41.56, 22.33, 0.00, 11.32, 16.23, 30.29, 16.06, 2.26, 0.32),  # within 6.4%
        ("linear", "huffman"): (32.14, 0.26, 11.87, 0.00, 28.42, 19.61, 3.55, 2.78),  # within 10.2%
        ("linear", "delta"): (84.13, 38.17, 12.98, 0.00, 32.19, 20.72, 1.59, 0.00),  # within 0.2%
        ("linear", "grouped"): (
            16.25,
            3.16,
            0.00,
            1.26,
            4.14,
            18.59,
            12.44,
            11.16,
            29.40,
            19.81,
            3.72,
            2.18,
        ),  # within 3.7%
        ("linear", "blocks4x1"): (
            70.12,
            33.19,
            21.96,
            1.93,
            11.19,
            14.00,
            0.00,
            17.04,
            12.71,
            3.17,
            0.81,
        ),  # within 4.1%
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
        ("linear", "index"): (40.10, 18.86, 7.83, 2.15, 13.60, 15.25, 32.49, 22.73, 2.78, 1.80),  # within 5.9%
        ("linear", "huffman"): (28.88, 0.99, 12.19, 0.00, 26.58, 18.44, 4.13, 2.50),  # within 9.2%
        ("linear", "delta"): (43.95, 19.79, 21.07, 0.00, 12.05, 14.23, 1.69, 0.00),  # within 0.8%
        ("linear", "grouped"): (
            15.93,
            3.25,
            2.57,
            1.35,
            2.03,
            17.09,
            7.61,
            11.00,
            29.19,
            21.25,
            6.06,
            1.25,
        ),  # within 3.5%
        ("linear", "blocks4x1"): (
            50.23,
            25.03,
            15.07,
            2.67,
            12.12,
            13.15,
            0.00,
            20.16,
            12.04,
            2.76,
            0.09,
        ),  # within 4.4%
        ("linear", "blocks1x4"): (
            41.24,
            19.04,
            12.75,
            3.86,
            0.00,
            0.00,
            3.73,
            12.79,
            34.00,
            36.32,
            19.14,
            1.90,
            0.83,
        ),  # within 10.2%
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
        ("linear", "index"): (34.86, 15.41, 9.02, 1.04, 12.41, 12.44, 26.89, 17.37, 3.04, 0.10),  # within 3.3%
        ("linear", "gather"): (14.61, 11.10, 0.00, 3.80, 9.56, 22.07, 17.63, 0.49, 1.38),  # within 8.1%
        ("linear", "huffman"): (26.73, 0.00, 7.40, 0.00, 12.73, 16.87, 2.13, 3.36),  # within 8.8%
        ("linear", "delta"): (44.00, 20.61, 12.11, 0.00, 19.85, 14.58, 0.59, 0.00),  # within 0.5%
        ("linear", "grouped"): (
            0.00,
            3.63,
            0.94,
            0.00,
            12.89,
            11.34,
            10.62,
            7.31,
            25.28,
            8.42,
            2.52,
            1.49,
        ),  # within 3.8%
        ("linear", "blocks4x1"): (
            50.05,
            22.30,
            19.68,
            0.43,
            10.17,
            13.05,
            0.00,
            25.74,
            10.12,
            2.01,
            1.31,
        ),  # within 4.8%
        ("linear", "blocks1x4"): (
            39.11,
            17.75,
            8.06,
            2.43,
            0.00,
            0.00,
            5.12,
            10.43,
            26.84,
            30.58,
            15.54,
            0.24,
            2.94,
        ),  # within 7.9%
        ("linear", "blocks1x16"): (5.21, 9.54, 0.00, 3.33, 7.66, 29.80, 14.61, 0.41, 0.00),  # within 5.9%
    },
}

SELECT_COEFFICIENTS: dict[CoreClass, tuple[float, float]] = {
    "armv6m": (8.97, 13.41),
    "armv7m": (5.98, 12.35),
    "dsp": (5.98, 12.35),
    "mve": (2.00, 16.26),
}
"""Of dropping inputs that no weight reads: for each one that is kept, and for each run of them."""
