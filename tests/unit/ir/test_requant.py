import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinybayes.ir import Requant

REQUANTS = st.builds(
    lambda pre, multiplier, post: Requant(pre, np.array([multiplier], np.int32), post, -128, 127),
    st.integers(0, 24),
    st.integers(1, 32767),
    st.integers(1, 30),
)


def test_rounding_is_half_up_and_the_pre_shift_rounds_down():
    requant = Requant(1, np.array([16384], np.int32), 15, -128, 127)
    accumulator = np.array([[-4], [-3], [-2], [-1], [0], [1], [2], [3], [6]])
    assert requant.apply(accumulator).reshape(-1).tolist() == [-1, -1, 0, 0, 0, 0, 1, 1, 2]


def test_the_shifted_accumulator_saturates_at_16_bits():
    requant = Requant(0, np.array([1], np.int32), 9, -128, 127)
    assert requant.apply(np.array([[2**20], [-(2**20)]])).reshape(-1).tolist() == [64, -64]


@given(requant=REQUANTS, accumulator=st.lists(st.integers(-(2**30), 2**30), min_size=2, max_size=30))
def test_it_never_decreases_and_never_leaves_32_bits(requant, accumulator):
    ordered = np.sort(np.array(accumulator, np.int64))[:, None]
    codes = requant.apply(ordered)
    assert (np.diff(codes[:, 0]) >= 0).all()
    shifted = np.clip(ordered >> requant.pre_shift, -32768, 32767) * requant.multiplier + (
        1 << (requant.post_shift - 1)
    )
    assert np.abs(shifted).max() < 2**31


def test_a_subset_of_channels_keeps_their_multipliers():
    requant = Requant(3, np.array([5, 6, 7], np.int32), 9, 0, 255)
    assert requant.take(np.array([2, 0])).multiplier.tolist() == [7, 5]
    layer = Requant(3, np.array([5], np.int32), 9, 0, 255)
    assert layer.take(np.array([2, 0])).multiplier.tolist() == [5]
