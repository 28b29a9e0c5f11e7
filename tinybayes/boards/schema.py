"""A TOML table read key by key, so that what is missing, of a wrong type or not known is one clear error."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tinybayes.errors import BoardError, did_you_mean


class Table:
    """One table of a board or chip file.

    Every ``take_...`` method returns the value under a key and marks the key as known; ``finish`` then refuses
    what is left. Numbers taken with ``sourced=True`` must be named in the file's ``[sources]``.
    """

    def __init__(self, path: Path, values: dict[str, Any], prefix: str = "") -> None:
        self.path = path
        self._values = values
        self._prefix = prefix
        self._known: list[str] = []
        self._optional: list[str] = []
        self._children: list[Table] = []
        self._sourced: list[str] = []

    @classmethod
    def read(cls, path: Path) -> "Table":
        """The whole file as a table; raises BoardError where it is not TOML in UTF-8."""
        try:
            return cls(path, tomllib.loads(path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BoardError(f"{path}: not a TOML file: {error}") from error

    def error(self, key: str, problem: str) -> BoardError:
        """A BoardError that names this file and ``key``."""
        return BoardError(f"{self.path}: {self._prefix}{key}: {problem}")

    def names(self) -> tuple[str, ...]:
        """The keys that the file has in this table."""
        return tuple(self._values)

    def has(self, key: str) -> bool:
        """Whether an optional key is there."""
        self._optional.append(key)
        return key in self._values

    def take_text(self, key: str, choices: Iterable[str] = ()) -> str:
        """A string that is not empty and may stand in a comment of C, one of ``choices`` if there are any."""
        value = self._take(key, str, "a text")
        known = tuple(choices)
        if known and value not in known:
            raise self.error(key, f"got {value!r}, wanted one of {', '.join(known)}.{did_you_mean(value, known)}")
        if not value.strip():
            raise self.error(key, "is empty, wanted a text")
        if not value.isprintable() or "*/" in value:
            raise self.error(key, f"got {value!r}, wanted one line of text without '*/'")
        return str(value)

    def take_texts(self, key: str, choices: Iterable[str] = ()) -> tuple[str, ...]:
        """A list of strings, each of them one of ``choices`` if there are any."""
        values = self._take(key, list, "a list of texts")
        if not all(isinstance(value, str) for value in values):
            raise self.error(key, f"got {values!r}, wanted a list of texts")
        known = tuple(choices)
        for value in values if known else ():
            if value not in known:
                raise self.error(key, f"got {value!r}, wanted some of {', '.join(known)}.{did_you_mean(value, known)}")
        return tuple(values)

    def take_boolean(self, key: str) -> bool:
        """``true`` or ``false``."""
        return bool(self._take(key, bool, "true or false"))

    def take_integer(self, key: str, low: int, high: int, *, sourced: bool = True) -> int:
        """An integer with ``low <= value <= high``."""
        value = self._take(key, int, "an integer")
        if not low <= value <= high:
            raise self.error(key, f"got {value}, wanted {low} to {high}")
        if sourced:
            self._sourced.append(f"{self._prefix}{key}")
        return int(value)

    def take_real(self, key: str, low: float, high: float) -> float:
        """A number with a decimal point, ``low <= value <= high``."""
        value = self._take(key, float, "a number with a decimal point")
        if not low <= value <= high:
            raise self.error(key, f"got {value}, wanted {low:g} to {high:g}")
        return float(value)

    def take_table(self, key: str) -> "Table":
        """A table inside this one."""
        child = Table(self.path, self._take(key, dict, "a table"), f"{self._prefix}{key}.")
        self._children.append(child)
        return child

    def take_tables(self, key: str) -> tuple["Table", ...]:
        """An array of tables; each is named by its place, counted from 1, in errors."""
        values = self._take(key, list, "an array of tables")
        if not all(type(value) is dict for value in values):
            raise self.error(key, f"got {values!r}, wanted an array of tables, [[{self._prefix}{key}]]")
        children = tuple(
            Table(self.path, value, f"{self._prefix}{key}[{place}].") for place, value in enumerate(values, 1)
        )
        self._children += children
        return children

    def finish(self) -> None:
        """Refuse unknown keys, here and in all tables taken, and numbers that ``[sources]`` does not name."""
        sources = self.take_table("sources")
        self._refuse_unknown(skip=sources)
        numbers = tuple(self._all_sourced())
        for number in numbers:
            if not any(number == key or number.startswith(f"{key}.") for key in sources.names()):
                raise self.error(number, "has no source; name the document it comes from under [sources]")
        for key in sources.names():
            sources.take_text(key)
            if not any(number == key or number.startswith(f"{key}.") for number in numbers):
                raise sources.error(key, f"names no number of this file.{did_you_mean(key, numbers)}")

    def refuse_unknown(self) -> None:
        """Refuse unknown keys, in a file whose numbers need no source."""
        self._refuse_unknown(skip=self)

    def _take(self, key: str, kind: type, wanted: str) -> Any:  # noqa: ANN401 - TOML values are of any type
        self._known.append(key)
        if key not in self._values:
            raise self.error(key, f"is missing, wanted {wanted}")
        value = self._values[key]
        if type(value) is not kind:  # exactly: a TOML boolean is no integer
            raise self.error(key, f"got {value!r}, wanted {wanted}")
        return value

    def _refuse_unknown(self, skip: "Table") -> None:
        for key in self._values:
            if key not in self._known:
                raise self.error(key, f"unknown key.{did_you_mean(key, [*self._known, *self._optional])}")
        for child in self._children:
            if child is not skip:
                child._refuse_unknown(skip)

    def _all_sourced(self) -> Iterable[str]:
        yield from self._sourced
        for child in self._children:
            yield from child._all_sourced()
