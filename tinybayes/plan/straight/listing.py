"""Assembly under way: lines of text, and the exact bytes and modelled cycles of the instructions in them."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tinybayes.ir import Requant

ALIGNMENT_BYTES = 4


@dataclass
class Listing:
    """Lines of assembly. ``guard`` is the macro that the compiler defines where they can be assembled."""

    guard: str
    lines: list[str] = field(default_factory=list)
    size_bytes: int = 0
    cycles: int = 0

    def add(self, text: str, size_bytes: int, cycles: int = 1) -> None:
        """Appends one instruction."""
        self.lines.append(f"    {text}")
        self.size_bytes += size_bytes
        self.cycles += cycles

    def note(self, text: str) -> None:
        """Appends a comment."""
        self.lines.append(f"    /* {text} */")


@dataclass(frozen=True)
class Row:
    """One output: its nonzeros as parallel lists, sorted by the caller's order."""

    number: int
    bias: int
    columns: tuple[int, ...]
    values: tuple[int, ...]
    multiplier: int
    saturate: bool


def order(
    columns: npt.NDArray[np.int64], values: npt.NDArray[np.int64], tile: int, *, backwards: bool
) -> npt.NDArray[np.intp]:
    """The order in which nonzeros are used: by tile, then those of one magnitude together, the positive ones first.

    ``backwards`` goes from the last tile and magnitude to the first, so that rows in turn begin where others ended.
    """
    sign = -1 if backwards else 1
    return np.lexsort((columns, values < 0, sign * abs(values), sign * (columns // tile)))


def multiplier_of(requant: Requant, row: int) -> int:
    """The multiplier of output ``row``."""
    return int(requant.multiplier[row if requant.per_channel else 0])
