"""Coefficients of cost formulas, in cycles at zero wait states: written by ``scripts/fit_*_cost.py``."""

from tinybayes.plan.core_class import CoreClass

UNARY_COEFFICIENTS: dict[CoreClass, dict[str, tuple[float, ...]]] = {
    "armv6m": {
        "max_pool": (11.86, 4.54, 3.15),  # within 2.7%
        "average_pool": (10.91, 0.00, 0.00),  # within 19.0%
        "max_pool_spans": (12.15, 7.06, 33.47),  # within 11.5%
        "average_pool_spans": (8.33, 1.46, 49.63),  # within 5.3%
        "pointwise": (7.53, 16.53),  # within 0.2%
        "requantize": (19.43, 543.88),  # within 31.6%
        "softmax": (53.17, 66.81, 0.00),  # within 5.6%
        "argmax": (15.45, 0.00, 0.00),  # within 2.2%
        "pad": (2.99, 0.00, 9.35),  # within 8.1%
        "add": (24.02, 37.33),  # within 0.0%
        "multiply": (16.10, 1340.98),  # within 4.1%
        "affine": (24.04, 9.71, 0.00),  # within 0.1%
        "concat": (6.37, 16.33, 35.30),  # within 34.6%
        "rearrange": (8.97, 0.00, 6.85),  # within 0.5%
    },
    "armv7m": {
        "max_pool": (6.43, 13.52, 0.00),  # within 10.3%
        "average_pool": (7.20, 0.00, 0.00),  # within 19.8%
        "max_pool_spans": (7.99, 8.36, 16.10),  # within 4.4%
        "average_pool_spans": (8.29, 4.60, 20.49),  # within 4.9%
        "pointwise": (4.75, 46.15),  # within 3.2%
        "requantize": (9.46, 0.00),  # within 5.5%
        "softmax": (38.54, 21.96, 151.04),  # within 3.0%
        "argmax": (12.49, 4.51, 0.00),  # within 2.6%
        "pad": (0.00, 54.90, 5.88),  # within 7.2%
        "add": (12.00, 12.00),  # within 0.0%
        "multiply": (14.00, 4.76),  # within 0.0%
        "affine": (13.94, 10.49, 0.00),  # within 6.7%
        "concat": (0.74, 10.72, 3.46),  # within 51.0%
        "rearrange": (5.75, 0.00, 10.95),  # within 1.9%
    },
    "dsp": {
        "max_pool": (6.50, 13.31, 0.00),  # within 10.3%
        "average_pool": (7.03, 0.00, 0.00),  # within 16.9%
        "max_pool_spans": (7.32, 10.21, 13.98),  # within 3.6%
        "average_pool_spans": (7.05, 2.85, 27.84),  # within 4.9%
        "pointwise": (4.75, 46.32),  # within 3.2%
        "requantize": (9.46, 0.00),  # within 5.5%
        "softmax": (37.47, 30.84, 0.00),  # within 3.7%
        "argmax": (12.48, 5.46, 0.00),  # within 2.5%
        "pad": (0.00, 54.77, 5.88),  # within 7.2%
        "add": (11.00, 10.00),  # within 0.0%
        "multiply": (13.17, 205.34),  # within 5.5%
        "affine": (10.84, 10.60, 0.00),  # within 9.0%
        "concat": (1.00, 10.31, 3.38),  # within 50.7%
        "rearrange": (5.75, 0.00, 10.95),  # within 1.9%
    },
    "mve": {
        "max_pool": (6.80, 9.42, 0.00),  # within 7.0%
        "average_pool": (5.34, 0.00, 0.00),  # within 22.9%
        "max_pool_spans": (2.06, 10.01, 28.17),  # within 15.6%
        "average_pool_spans": (9.66, 10.73, 0.00),  # within 21.3%
        "pointwise": (0.97, 5.80),  # within 2.9%
        "requantize": (7.00, 8.00),  # within 0.0%
        "softmax": (31.07, 50.46, 22.73),  # within 0.5%
        "argmax": (9.01, 2.37, 91.30),  # within 1.1%
        "pad": (0.50, 17.81, 2.01),  # within 0.9%
        "add": (8.00, 9.00),  # within 0.0%
        "multiply": (11.00, 9.00),  # within 0.0%
        "affine": (7.51, 20.42, 0.00),  # within 1.7%
        "concat": (0.02, 7.79, 7.80),  # within 30.8%
        "rearrange": (1.54, 0.00, 18.72),  # within 7.5%
    },
}
