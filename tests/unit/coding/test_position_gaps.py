import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybayes.coding import gap_buckets, gaps_from_buckets, gaps_from_positions, positions_from_gaps


@settings(deadline=None)
@given(st.sets(st.integers(0, 2**40)).map(sorted))
def test_positions_come_back(positions):
    buckets, extras = gap_buckets(gaps_from_positions(positions))
    assert positions_from_gaps(gaps_from_buckets(buckets, extras)).tolist() == positions


@settings(deadline=None)
@given(st.lists(st.integers(1, 2**53)))
def test_a_bucket_is_the_floor_of_the_binary_logarithm(gaps):
    buckets, extras = gap_buckets(gaps)
    assert buckets.tolist() == [gap.bit_length() - 1 for gap in gaps]
    assert extras.tolist() == [gap - (1 << (gap.bit_length() - 1)) for gap in gaps]


def test_the_first_gap_counts_from_before_the_start():
    assert gaps_from_positions([0, 1, 5]).tolist() == [1, 1, 4]
    assert gaps_from_positions([]).tolist() == positions_from_gaps([]).tolist() == []


@pytest.mark.parametrize("positions", [[-1], [3, 3], [4, 2]])
def test_positions_must_ascend(positions):
    with pytest.raises(ValueError, match="ascend"):
        gaps_from_positions(positions)


@pytest.mark.parametrize("call", [positions_from_gaps, gap_buckets])
def test_a_gap_is_at_least_one(call):
    with pytest.raises(ValueError, match="at least 1"):
        call(np.array([1, 0]))


@pytest.mark.parametrize(("buckets", "extras"), [([0], [1]), ([2], [4]), ([3], [-1]), ([-1], [0]), ([54], [0])])
def test_impossible_buckets_are_refused(buckets, extras):
    with pytest.raises(ValueError, match="bucket"):
        gaps_from_buckets(buckets, extras)
