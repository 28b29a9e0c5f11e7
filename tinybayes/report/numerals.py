"""Numbers as people read them: thin grouping, units, and never more digits than carry meaning."""

import math

THIN = "\u202f"
"""A narrow space at which lines do not break."""


def grouped(number: int) -> str:
    """Digits in groups of three.

    >>> grouped(1234567).replace(THIN, "_")
    '1_234_567'
    """
    return f"{number:,}".replace(",", THIN)


def in_bytes(count: int) -> str:
    """An exact number of bytes with its unit.

    >>> in_bytes(6396).replace(THIN, "_")
    '6_396_B'
    """
    return f"{grouped(count)}{THIN}B"


def ratio(number: float) -> str:
    """A factor: one decimal below 10, whole from there, grouped; with two decimals below 2.

    >>> ratio(1.5), ratio(9.96), ratio(41.7)
    ('1.50', '10.0', '42')
    """
    if number >= 10:
        return grouped(round(number))
    return f"{number:.1f}" if number >= 2 else f"{number:.2f}"


def percent(fraction: float, digits: int = 2) -> str:
    """A fraction as a percentage.

    >>> percent(0.98765).replace(THIN, "_")
    '98.77_%'
    """
    return f"{100 * fraction:.{digits}f}{THIN}%"


def times(*sizes: int) -> str:
    """Sizes of a shape.

    >>> times(64, 5, 32)
    '64 × 5 × 32'
    """
    return " × ".join(grouped(size) for size in sizes)


def duration(seconds: float) -> str:
    """A time in the unit that suits it, three digits.

    >>> duration(0.00123).replace(THIN, "_"), duration(4.2e-5).replace(THIN, "_")
    ('1.23_ms', '42.0_µs')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g}{THIN}{unit}"
    return f"{seconds * 1e6:.1f}{THIN}µs"


def in_microseconds(seconds: float) -> str:
    """Microseconds with three digits or more: ``0.123``, ``5.71``, ``71.0``, ``25 677``."""
    value = 1e6 * seconds
    if value >= 100:
        return grouped(round(value))
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}" if value > 0 else "0"
