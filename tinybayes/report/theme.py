"""Colours, light and dark: legible, and told apart by colour-blind readers.

The hues are those of Okabe and Ito (Color Universal Design, 2008), darkened or lightened until they stand out from
the page: every text colour has a contrast of at least 4.5 with the surfaces it lies on, every mark at least 3
(Web Content Accessibility Guidelines 2.2, 1.4.3 and 1.4.11). A test computes them.
"""

from collections.abc import Mapping

TEXTS = ("ink", "soft", "good", "bad", "accent")
SURFACES = ("page", "surface")
MARKS = ("weights", "tables", "biases", "multipliers", "padding", "code", "other", "positive", "negative")

LIGHT: Mapping[str, str] = {
    "page": "#f6f5f1",
    "surface": "#ffffff",
    "line": "#dedbd2",
    "track": "#eeece5",
    "ink": "#1b1d21",
    "soft": "#5b5f68",
    "good": "#00704f",
    "bad": "#b3261e",
    "accent": "#00588f",
    "weights": "#0072b2",
    "tables": "#2a8fc9",
    "biases": "#008f68",
    "multipliers": "#b4558c",
    "padding": "#83878f",
    "code": "#b47a00",
    "other": "#6b6f78",
    "positive": "#0072b2",
    "negative": "#d55e00",
}
DARK: Mapping[str, str] = {
    "page": "#131519",
    "surface": "#1b1e24",
    "line": "#343943",
    "track": "#282c34",
    "ink": "#eceae4",
    "soft": "#a4a9b4",
    "good": "#4fd1a1",
    "bad": "#ff8d80",
    "accent": "#7cc4f5",
    "weights": "#3f9fe0",
    "tables": "#8cd0f7",
    "biases": "#27b98c",
    "multipliers": "#d98ab8",
    "padding": "#8b909b",
    "code": "#e6a52e",
    "other": "#777d89",
    "positive": "#3f9fe0",
    "negative": "#ff7a1a",
}

POSITIVE_RGB = (0x1C, 0x86, 0xCB)
NEGATIVE_RGB = (0xE8, 0x6A, 0x0C)
"""Nonzero weights in pictures of matrices: one colour each that stands out from both surfaces."""


def declarations(colours: Mapping[str, str]) -> str:
    """The colours as CSS custom properties."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours ``#rrggbb``, 1 to 21 (WCAG 2.2, relative luminance)."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
