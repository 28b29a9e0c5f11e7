import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinybayes.passes.weights import codebook_scale, narrow_bias, quantize_weight


@given(
    levels=st.lists(st.integers(-127, 127).filter(bool), min_size=1, max_size=40, unique=True),
    scale=st.floats(2.0**-20, 2.0**10, width=32),
    seed=st.integers(0, 1000),
)
def test_a_codebook_keeps_its_exact_levels(levels, scale, seed):
    rng = np.random.default_rng(seed)
    codes = rng.choice([0, *levels], size=(6, 1, 1, 50))
    codes.reshape(-1)[: len(levels)] = levels
    weight = np.float32(scale) * codes.astype(np.float32)
    integers, scales = quantize_weight(weight)
    assert scales.shape == (1,)
    np.testing.assert_array_equal(integers == 0, weight == 0)
    # The coarsest scale may be a multiple of the one the weights were made with; the levels' ratios are exact.
    ratio = codes.reshape(-1)[0] / integers.reshape(-1)[0]
    np.testing.assert_array_equal(integers * ratio, codes)
    np.testing.assert_allclose(integers * scales[0], weight, rtol=3e-7)


def test_a_common_factor_of_the_levels_goes_into_the_scale():
    weight = (np.array([10, -20, 0, 127 * 10]) * np.float32(0.001)).astype(np.float32).reshape(1, 1, 1, 4)
    integers, scales = quantize_weight(weight)
    assert integers.reshape(-1).tolist() == [1, -2, 0, 127]
    assert scales[0] == pytest.approx(0.01)


def test_levels_off_the_grid_by_a_thousandth_are_no_codebook():
    weight = np.array([1.0, 50.001, 127.0], np.float32)
    assert codebook_scale(weight) is None
    assert codebook_scale(np.array([1.0, 50.0, 127.0], np.float32)) == pytest.approx(1.0)


def test_more_than_256_levels_are_no_codebook():
    assert codebook_scale(np.arange(1, 400, dtype=np.float32)) is None


def test_other_weights_get_a_scale_for_each_output_with_a_floor(rng):
    weight = (
        rng.normal(size=(3, 1, 1, 200)).astype(np.float32) * np.array([1, 0.1, 1e-6], np.float32)[:, None, None, None]
    )
    weight[0, 0, 0, 7] = 0
    integers, scales = quantize_weight(weight)
    largest = np.abs(weight).max(axis=(1, 2, 3))
    np.testing.assert_allclose(scales, [largest[0] / 127, largest[1] / 127, largest[0] / 64 / 127], rtol=1e-6)
    assert np.abs(integers * scales[:, None, None, None] - weight).max() <= scales.max() / 2 * 1.0001
    assert integers[0, 0, 0, 7] == 0
    assert np.abs(integers[:2].astype(int)).max() == 127


@given(bits=st.sampled_from([8, 16]), values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_a_narrow_bias_is_a_small_number_with_one_shift(bits, values):
    target = np.array(values)
    narrow = narrow_bias(target, bits).astype(np.int64)
    limit = 2 ** (bits - 1) - 1
    shift = next(s for s in range(32) if np.all(narrow % 2**s == 0) and np.abs(narrow >> s).max() <= limit)
    assert np.abs(narrow - target).max() <= max(0.5, np.abs(target).max() / limit) + 2**shift
    np.testing.assert_array_equal(narrow_bias(target, 32), np.rint(target))


def test_one_scale_for_a_layer_is_that_of_its_largest_weight(rng):
    weight = rng.normal(size=(6, 1, 1, 50)).astype(np.float32)
    codes, scale = quantize_weight(weight, per_channel=False)
    assert scale.shape == (1,)
    assert scale[0] == np.abs(weight).max().astype(np.float64) / 127
    assert np.abs(codes * scale[0] - weight).max() <= scale[0] * 0.5001
