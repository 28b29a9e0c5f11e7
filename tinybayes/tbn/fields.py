"""Reading a JSON object that anybody may have written: each access checks the type, the range and the key."""

import math
import re
from collections.abc import Collection
from typing import Any, Self

from tinybayes.errors import FileFormatError, did_you_mean
from tinybayes.tbn.limits import MAX_ENTRIES

# Names end up in generated C and in reports, so nothing that could end a comment or a string is let in.
NAME = re.compile(r"[A-Za-z0-9_.:+-]{1,128}")


class Fields:
    """A JSON object at ``where`` in the header, whose keys are exactly ``keys``."""

    def __init__(self, value: object, where: str, keys: Collection[str]) -> None:
        self.where = where
        if not isinstance(value, dict):
            raise FileFormatError(f"{where}: got {_shown(value)}, wanted an object")
        self._values: dict[str, Any] = value
        for key in value:
            if key not in keys:
                raise FileFormatError(f"{where}: unknown key {_shown(key)}.{did_you_mean(key, keys)}")
        for key in keys:
            if key not in value:
                raise FileFormatError(f"{where}: key {key!r} is missing")

    def fail(self, key: str, wanted: str) -> FileFormatError:
        """The error for the value at ``key``."""
        return FileFormatError(f"{self.where}.{key}: got {_shown(self._values[key])}, wanted {wanted}")

    def integer(self, key: str, low: int, high: int) -> int:
        """An integer in ``low .. high``."""
        value = self._values[key]
        if type(value) is not int or not low <= value <= high:
            raise self.fail(key, f"an integer in {low} .. {high}")
        return value

    def integers(self, key: str, low: int, high: int, counts: Collection[int]) -> tuple[int, ...]:
        """A list of integers in ``low .. high``, as many as one of ``counts``."""
        value = self._values[key]
        if (
            type(value) is not list
            or len(value) not in counts
            or any(type(item) is not int or not low <= item <= high for item in value)
        ):
            wanted = " or ".join(str(count) for count in counts)
            raise self.fail(key, f"a list of {wanted} integers in {low} .. {high}")
        return tuple(value)

    def pair(self, key: str, low: int, high: int) -> tuple[int, int]:
        """A list of two integers in ``low .. high``."""
        first, second = self.integers(key, low, high, (2,))
        return first, second

    def positive(self, key: str) -> float:
        """A finite number above 0."""
        value = self._values[key]
        if type(value) not in (int, float) or not 0 < value < math.inf:
            raise self.fail(key, "a finite number above 0")
        try:
            return float(value)
        except OverflowError:
            raise self.fail(key, "a finite number above 0") from None

    def choice(self, key: str, choices: Collection[str]) -> str:
        """One of a few words."""
        value = self._values[key]
        if type(value) is not str or value not in choices:
            raise self.fail(key, f"one of {', '.join(sorted(choices))}")
        return value

    def name(self, key: str) -> str:
        """A name of a tensor or an operator."""
        value = self._values[key]
        if type(value) is not str or not NAME.fullmatch(value):
            raise self.fail(key, "a name of 1 to 128 letters, digits or _ . : + -")
        return value

    def names(self, key: str, least: int, most: int) -> tuple[str, ...]:
        """A list of ``least`` to ``most`` names."""
        value = self._values[key]
        if type(value) is not list or not least <= len(value) <= most or any(type(v) is not str for v in value):
            count = str(least) if least == most else f"{least} to {most}"
            raise self.fail(key, f"a list of {count} names")
        return tuple(value)

    def entries(self, key: str) -> list[Any]:
        """A list of at most MAX_ENTRIES values."""
        value = self._values[key]
        if type(value) is not list or len(value) > MAX_ENTRIES:
            raise self.fail(key, f"a list of at most {MAX_ENTRIES} entries")
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """An object with any keys."""
        value = self._values[key]
        if type(value) is not dict:
            raise self.fail(key, "an object")
        return value

    def record(self, key: str, keys: Collection[str]) -> Self:
        """An object with exactly ``keys``."""
        return type(self)(self._values[key], f"{self.where}.{key}", keys)

    def is_true(self, key: str) -> bool:
        """Whether the value is true."""
        return self._values[key] is True

    def has(self, key: str) -> bool:
        """Whether a key that need not be there is."""
        return key in self._values

    def is_null(self, key: str) -> bool:
        """Whether the value is null."""
        return self._values[key] is None


def _shown(value: object) -> str:
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, or nesting
        text = type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."
