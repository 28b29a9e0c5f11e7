import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinybayes.passes.requantize import choose_pre_shift, choose_requant


@given(
    ratio=st.floats(1e-6, 20.0),
    spread=st.lists(st.floats(0.5, 1.0), min_size=1, max_size=6),
    wide=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_codes_are_within_a_fiftieth_of_a_step_of_the_real_quotient(ratio, spread, wide, seed):
    ratios = np.array([1.0, *spread]) * ratio
    low, high = (0, 255) if wide else (-128, 127)
    reach = np.full(ratios.size, 2.0**29)
    pre_shift = choose_pre_shift(ratios, reach, high)
    requant = choose_requant(ratios, pre_shift, low, high)
    span = int(min(300 / ratio, 2**29))
    accumulator = np.random.default_rng(seed).integers(-span, span + 1, size=(200, ratios.size))
    half = 2 ** (pre_shift - 1) if pre_shift else 0
    codes = requant.apply(accumulator + half)
    exact = np.clip(accumulator * ratios, low, high)
    assert np.abs(codes - exact).max() <= 0.52
    assert 2**14 <= requant.multiplier.max() < 2**15
    assert 1 <= requant.post_shift <= 30


def test_the_pre_shift_is_no_larger_than_what_matters_needs():
    assert choose_pre_shift(np.array([1.0]), np.array([1e9]), 127) == 0
    assert choose_pre_shift(np.array([127.5 / 2**16]), np.array([1e9]), 127) == 2
    assert choose_pre_shift(np.array([1e-6]), np.array([30000.0]), 127) == 0


def test_extreme_ratios_stay_inside_the_record():
    for ratio in (1e-12, 1e9):
        requant = choose_requant(np.array([ratio]), 0, -128, 127)
        assert 1 <= requant.multiplier[0] < 2**15
        assert 1 <= requant.post_shift <= 30
