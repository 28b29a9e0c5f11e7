import numpy as np
import pytest

from tinybayes.errors import DeviceError, InternalError
from tinybayes.timing.factors import Factors, fit_factors

CYCLES = np.array([40_000.0, 22_000, 33_000, 21_000, 14_000, 4_000, 9_500, 900])
STALLS = np.array([1_500.0, 900, 16_000, 13_000, 8_000, 1_200, 4_800, 300])


@pytest.mark.parametrize(
    ("core", "flash", "overhead"), [(1.0, 1.0, 0), (1.13, 0.4, 30), (0.9, 2.5, 55), (1.02, 0.0, 20)]
)
def test_planted_factors_are_found(core, flash, overhead):
    fit = fit_factors(core * CYCLES + flash * STALLS + overhead, CYCLES, STALLS)
    assert fit.factors.core == pytest.approx(core, rel=1e-6)
    assert fit.factors.flash == pytest.approx(flash, abs=1e-6)
    assert fit.overhead_cycles == pytest.approx(overhead, abs=1e-3)
    assert fit.largest_error < 1e-9


def test_noise_moves_them_a_little():
    noise = np.random.default_rng(5).normal(1, 0.002, len(CYCLES))
    fit = fit_factors((1.13 * CYCLES + 0.4 * STALLS + 30) * noise, CYCLES, STALLS)
    assert fit.factors.core == pytest.approx(1.13, rel=0.01)
    assert fit.factors.flash == pytest.approx(0.4, abs=0.03)
    assert 0 < fit.largest_error < 0.01


def test_without_stalls_there_is_only_one_factor():
    fit = fit_factors(1.2 * CYCLES, CYCLES, np.zeros_like(CYCLES))
    assert fit.factors == Factors(pytest.approx(1.2), 1.0)


def test_a_counter_that_stands_still_is_said_so():
    with pytest.raises(DeviceError, match="does not count"):
        fit_factors(np.zeros(8), CYCLES, STALLS)


def test_layers_that_are_all_alike_are_our_bug():
    with pytest.raises(InternalError, match="too alike"):
        fit_factors(CYCLES, CYCLES, 0.3 * CYCLES)


def test_factors_scale_cycles():
    assert Factors(1.1, 0.5).core_cycles(1000) == 1100
    assert Factors(1.1, 0.5).stall_cycles(301) == 150
