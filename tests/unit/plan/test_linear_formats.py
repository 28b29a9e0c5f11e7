"""Blocks, gaps and groups of fully connected layers, byte by byte, worked out by hand; and decoded again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plan.test_formats import encode, linear, stored, words
from tinybayes.plan.formats import FORMATS, Encoding, Illegal, Site
from tinybayes.plan.formats.linear_blocks import sixteen_starts


def test_blocks_of_four_rows_share_a_column() -> None:
    matrix = np.zeros((5, 300), np.int8)
    matrix[[0, 3], 2], matrix[1, 299], matrix[4, 7] = [1, -2], 3, 4
    made = encode("blocks4x1", linear(matrix), "armv6m")
    assert stored(made, "counts") == [1, 1, 1, 0], "two tiles of the first four rows, two of the last one"
    assert stored(made, "columns") == [2, 299 - 256, 7]
    assert stored(made, "values") == [1, 0, 0, -2, 0, 3, 0, 0, 4, 0, 0, 0]


def test_blocks_of_four_columns_and_what_no_four_divides() -> None:
    matrix = np.zeros((2, 1030), np.int8)
    matrix[0, 4:8], matrix[1, 1027], matrix[1, 1029] = [1, 2, 0, -3], 5, 6
    made = encode("blocks1x4", linear(matrix), "dsp")
    assert stored(made, "counts") == [1, 0, 0, 1], "a tile is 1024 columns"
    assert stored(made, "places") == [1, 0]
    assert stored(made, "values") == [1, 2, 0, -3, 0, 0, 0, 5]
    assert stored(made, "tails") == [0, 0, 0, 6]
    assert made.constants["tail"] == 2


def test_columns_that_no_four_divides_cost_nothing_where_they_are_zero() -> None:
    made = encode("blocks1x4", linear([[1, 2, 3, 4, 0]]), "dsp")
    assert made.array("tails") is None
    assert made.constants["tail"] == 0


def test_blocks_of_sixteen_columns_start_at_a_nonzero_and_end_within_the_row() -> None:
    row = np.zeros(40, bool)
    row[[3, 18, 19, 39]] = True
    assert sixteen_starts(row).tolist() == [3, 19, 24]
    matrix = np.zeros((1, 40), np.int8)
    matrix[0, row] = [1, 2, 3, 4]
    made = encode("blocks1x16", linear(matrix), "mve")
    values = np.array(stored(made, "values")).reshape(3, 16)
    assert values[0].nonzero()[0].tolist() == [0, 15]
    assert values[1].tolist() == [3] + [0] * 15
    assert values[2].tolist() == [0] * 15 + [4], "what overlaps the block before counts once"


@pytest.mark.parametrize(
    ("weight_format", "core", "why"),
    [("blocks1x4", "armv7m", "pairs"), ("blocks1x16", "dsp", "vectors"), ("blocks1x16", "mve", "less than a block")],
)
def test_blocks_are_only_for_cores_and_rows_that_fit_them(weight_format: str, core: str, why: str) -> None:
    made = FORMATS["linear", weight_format](linear([[1, 2, 3, 4]]), Site(core))
    assert isinstance(made, Illegal)
    assert why in made.reason


def test_gaps_run_over_all_columns_and_long_ones_take_more_entries() -> None:
    row = np.zeros((1, 1200), np.int8)
    row[0, [0, 3, 258, 600]] = [7, -2, 5, 9]
    made = encode("delta", linear(row))
    assert stored(made, "counts8") == [3]
    # 600 - 258 = 342 = 255 + 87; a gap of 255 fits a byte.
    assert stored(made, "words") == words(0, 7, 3, 254, 255, 5, 255, 0, 87, 9, 0, 0)


def test_gaps_are_offered_where_they_are_smaller() -> None:
    assert isinstance(FORMATS["linear", "delta"](linear([[1, 0, 2]]), Site()), Illegal)


def test_nonzeros_lie_by_level() -> None:
    matrix = np.zeros((2, 300), np.int8)
    matrix[0, [1, 2, 5, 290]], matrix[1, 3] = [4, -6, 4, 4], -6
    made = encode("grouped", linear(matrix))
    assert stored(made, "levels") == [-6, 4]
    assert stored(made, "counts") == [1, 2, 0, 1, 1, 0, 0, 0], "by row, tile and level"
    assert stored(made, "offsets") == [2, 1, 5, 290 - 256, 3]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 700), st.sampled_from((0.01, 0.1, 0.5, 1.0)))
def test_what_is_stored_is_the_matrix(seed: int, rows: int, columns: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    matrix = (rng.integers(-9, 10, (rows, columns)) * (rng.random((rows, columns)) < density)).astype(np.int8)
    node = linear(matrix)
    for name, decode in DECODED.items():
        made = FORMATS["linear", name](node, Site("mve"))
        if isinstance(made, Encoding):
            np.testing.assert_array_equal(decode(made, matrix.shape), matrix, err_msg=name)


def _by_tile(made: Encoding, groups: int, tile: int) -> tuple[np.ndarray, np.ndarray]:
    """Group and first column of the tile of each entry."""
    counts = np.array(stored(made, "counts"))
    entries = np.repeat(np.arange(counts.size), counts)
    tiles = counts.size // groups
    return entries // tiles, entries % tiles * tile


def _four_rows(made: Encoding, shape: tuple[int, int]) -> np.ndarray:
    found = np.zeros((-(-shape[0] // 4) * 4, shape[1]), int)
    group, base = _by_tile(made, len(found) // 4, 256)
    for i, (g, column) in enumerate(zip(group, base + stored(made, "columns"), strict=True)):
        found[4 * g : 4 * g + 4, column] = stored(made, "values")[4 * i : 4 * i + 4]
    return found[: shape[0]]


def _four_columns(made: Encoding, shape: tuple[int, int]) -> np.ndarray:
    found = np.zeros(shape, int)
    row, base = _by_tile(made, shape[0], 1024)
    for i, (r, column) in enumerate(zip(row, base + 4 * np.array(stored(made, "places")), strict=True)):
        found[r, column : column + 4] = stored(made, "values")[4 * i : 4 * i + 4]
    tail = made.constants["tail"]
    if tail:
        found[:, -tail:] = np.array(stored(made, "tails")).reshape(-1, tail)
    return found


def _sixteen_columns(made: Encoding, shape: tuple[int, int]) -> np.ndarray:
    found = np.zeros(shape, int)
    row, base = _by_tile(made, shape[0], 256)
    for i, (r, column) in enumerate(zip(row, base + stored(made, "places"), strict=True)):
        found[r, column : column + 16] += stored(made, "values")[16 * i : 16 * i + 16]
    return found


def _delta(made: Encoding, shape: tuple[int, int]) -> np.ndarray:
    found = np.zeros(shape, int)
    counts = stored(made, "counts8" if made.array("counts8") else "counts16")
    entries = np.array(stored(made, "words"), np.uint32).view(np.uint8).reshape(-1, 2)
    start = 0
    for row, count in enumerate(counts):
        part = entries[2 * start : 2 * (start + count)]
        start += count
        np.add.at(found[row], np.cumsum(part[:, 0].astype(int)), part[:, 1].view(np.int8))
    return found


def _grouped(made: Encoding, shape: tuple[int, int]) -> np.ndarray:
    found = np.zeros(shape, int)
    levels = stored(made, "levels")
    counts = np.array(stored(made, "counts"))
    entries = np.repeat(np.arange(counts.size), counts)
    tiles = counts.size // len(levels) // shape[0]
    columns = entries // len(levels) % tiles * 256 + stored(made, "offsets")
    found[entries // len(levels) // tiles, columns] = np.array(levels)[entries % len(levels)]
    return found


DECODED = {
    "blocks4x1": _four_rows, "blocks1x4": _four_columns, "blocks1x16": _sixteen_columns, "delta": _delta,
    "grouped": _grouped,
}  # fmt: skip
