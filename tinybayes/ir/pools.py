"""The operators that pool positions: windows of one size, and windows that differ."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from tinybayes.ir.node import Node
from tinybayes.ir.requant import Requant


@dataclass(frozen=True, eq=False, kw_only=True)
class MaxPool(Node):
    """Maximum over windows without padding; dtype and scale pass through."""

    op: ClassVar[str] = "max_pool"
    window: tuple[int, int]
    stride: tuple[int, int]


@dataclass(frozen=True, eq=False, kw_only=True)
class AveragePool(Node):
    """Mean over windows without padding: the sum of the codes, requantized (which also divides).

    A global average is a window of the whole map. ``divisor`` is what sums are divided by, the positions of a window
    where it is None; with 1 they stay sums.
    """

    op: ClassVar[str] = "average_pool"
    window: tuple[int, int]
    stride: tuple[int, int]
    divisor: int | None = None
    requant: Requant | None = None

    @property
    def divides_by(self) -> int:
        """What the sum of a window is divided by."""
        return self.window[0] * self.window[1] if self.divisor is None else self.divisor


Span = tuple[int, int]


@dataclass(frozen=True, eq=False, kw_only=True)
class SpanPool(Node):
    """Pooling over windows that differ: at borders, with padding, or because sizes do not divide.

    The window of output row y and column x takes the positions ``rows[y]`` by ``columns[x]``, each (first, behind the
    last) and inside the input.
    """

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class MaxPoolSpans(SpanPool):
    """Maximum over windows that differ; dtype and scale pass through."""

    op: ClassVar[str] = "max_pool_spans"


@dataclass(frozen=True, eq=False, kw_only=True)
class AveragePoolSpans(SpanPool):
    """The sum over windows that differ, divided by ``row_counts[y] * column_counts[x]``.

    The counts may include padding. In an integer network the sum of codes is requantized, with one multiplier or with
    one for each pair of different row and column counts, in the order of ``divisors``.
    """

    op: ClassVar[str] = "average_pool_spans"
    row_counts: tuple[int, ...]
    column_counts: tuple[int, ...]
    requant: Requant | None = None

    @property
    def divisors(self) -> npt.NDArray[np.int64]:
        """Every product of a row count and a column count, both ascending, columns fastest: int64 (divisors,)."""
        return np.multiply.outer(np.unique(self.row_counts), np.unique(self.column_counts)).reshape(-1)

    @property
    def row_classes(self) -> npt.NDArray[np.uint8]:
        """For each row, which of the different row counts it has."""
        return np.unique(self.row_counts, return_inverse=True)[1].astype(np.uint8)

    @property
    def column_classes(self) -> npt.NDArray[np.uint8]:
        """For each column, which of the different column counts it has."""
        return np.unique(self.column_counts, return_inverse=True)[1].astype(np.uint8)

    @property
    def largest_window(self) -> int:
        """Positions of the largest window."""
        rows, columns = (max(stop - start for start, stop in spans) for spans in (self.rows, self.columns))
        return rows * columns
