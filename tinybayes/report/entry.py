"""One JSON object of report.json: each access checks what it finds, so that damage is one clear error."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tinybayes.errors import FileFormatError

LARGEST_COUNT = 2**53
LONGEST_TEXT = 200


class Entry:
    """A JSON object at ``where``; each access checks what it finds. Unknown keys are left alone."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise FileFormatError(f"{where}: got {_shown(value)}, wanted an object; compile again")
        self._values = value
        self._where = where

    def wrong(self, key: str, wanted: str) -> FileFormatError:
        """The error for the value at ``key``."""
        return FileFormatError(
            f"{self._where}: {key}: got {_shown(self._values.get(key))}, wanted {wanted}; compile again"
        )

    def has(self, key: str) -> bool:
        """Whether there is such a key."""
        return key in self._values

    def is_null(self, key: str) -> bool:
        """Whether the figure has not been obtained yet."""
        return self._value(key) is None

    def _value(self, key: str) -> Any:  # noqa: ANN401 - whatever the file holds
        if key not in self._values:
            raise FileFormatError(f"{self._where}: {key} is missing; compile again")
        return self._values[key]

    def entry(self, key: str) -> "Entry":
        """The object at ``key``."""
        return Entry(self._value(key), f"{self._where}: {key}")

    def entries(self, key: str) -> "Iterator[Entry]":
        """The objects of the list at ``key``."""
        values = self._value(key)
        if not isinstance(values, list):
            raise self.wrong(key, "a list")
        return (Entry(value, f"{self._where}: {key}[{k}]") for k, value in enumerate(values))

    def optional_entries(self, key: str) -> "Iterator[Entry]":
        """The same, none where the key is missing."""
        return self.entries(key) if self.has(key) else iter(())

    def _names(self) -> "Iterator[str]":
        for key in self._values:
            if not _is_text(key):
                raise FileFormatError(
                    f"{self._where}: got the key {_shown(key)}, wanted a printable name; compile again"
                )
            yield key

    def members(self) -> "Iterator[tuple[str, Entry]]":
        """(key, object) of everything in it."""
        for key in self._names():
            yield key, self.entry(key)

    def texts(self) -> "Iterator[tuple[str, str | None]]":
        """(key, text or None) of everything in it."""
        for key in self._names():
            yield key, self.known_text(key)

    def count(self, key: str, low: int = 0, high: int = LARGEST_COUNT) -> int:
        """An integer in ``low`` .. ``high``."""
        value = self._value(key)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(key, f"an integer in {low} .. {high}")
        return value

    def known_count(self, key: str) -> int | None:
        """A count, or None where it is null."""
        return None if self._value(key) is None else self.count(key)

    def text(self, key: str, longest: int = LONGEST_TEXT) -> str:
        """A text of printable characters."""
        value: str = self._value(key)
        if not _is_text(value, longest):
            raise self.wrong(key, f"a text of at most {longest} printable characters")
        return value

    def known_text(self, key: str, longest: int = LONGEST_TEXT) -> str | None:
        """A text, or None where it is null."""
        return None if self._value(key) is None else self.text(key, longest)

    def real(self, key: str, high: float) -> float:
        """A finite number in 0 .. ``high``."""
        value = self._value(key)
        if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= high:
            raise self.wrong(key, f"a number in 0 .. {high}")
        return float(value)

    def known_real(self, key: str, high: float) -> float | None:
        """A number, or None where it is null."""
        return None if self._value(key) is None else self.real(key, high)

    def shape(self, key: str) -> tuple[int, ...]:
        """One to eight positive integers."""
        value = self._value(key)
        if not isinstance(value, list) or not 1 <= len(value) <= 8 or any(type(n) is not int or n < 1 for n in value):
            raise self.wrong(key, "a list of positive integers")
        return tuple(value)


def _is_text(value: object, longest: int = LONGEST_TEXT) -> bool:
    """Printable: no control characters, and no halves of surrogate pairs, which UTF-8 cannot hold."""
    return isinstance(value, str) and len(value) <= longest and value.isprintable()


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."
