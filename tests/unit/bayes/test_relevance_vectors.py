"""Relevance vector machines: scikit-learn's own checks, the marginal likelihood, and what they find."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.datasets import load_iris, make_moons
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from tinybayes.bayes.marginal_likelihood import _gains, _Posterior, fit_regression
from tinybayes.bayes.relevance_vectors import RVC, RVR


@parametrize_with_checks([RVR(), RVC()])
@pytest.mark.filterwarnings("ignore")  # the checks fit nonsense on purpose
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_sinc_is_recovered_from_few_vectors_with_its_noise():
    rng = np.random.default_rng(0)
    x = np.linspace(-10, 10, 100)[:, None]
    y = np.sinc(x[:, 0] / np.pi) + 0.1 * rng.normal(size=100)
    model = RVR(gamma=1 / 9).fit(x, y)
    assert len(model.relevance_vectors_) <= 10  # Tipping (2001), section 2.5 reports 9 of 100 without noise, 6 with
    mean, deviation = model.predict(x, return_std=True)
    assert np.sqrt(np.mean((mean - np.sinc(x[:, 0] / np.pi)) ** 2)) < 0.05
    assert model.noise_variance_**0.5 == pytest.approx(0.1, rel=0.25)
    assert np.mean(np.abs(y - mean) < 2 * deviation) > 0.9


def test_gains_are_the_differences_of_the_marginal_likelihood():
    """Every kind of change, against log N(t; 0, I / beta + Phi A^-1 Phi^T) computed outright."""
    rng = np.random.default_rng(1)
    basis, beta = rng.normal(size=(12, 5)), 4.0
    targets = basis[:, 0] + 0.05 * basis[:, 1] + basis[:, 2] + 0.5 * rng.normal(size=12)
    alpha = np.array([2.0, 3.0, np.inf, np.inf, 2.0])

    def twice_log_evidence(a: np.ndarray) -> float:
        inside = np.isfinite(a)
        covariance = np.eye(12) / beta + basis[:, inside] @ np.diag(1 / a[inside]) @ basis[:, inside].T
        return 2 * multivariate_normal(np.zeros(12), covariance).logpdf(targets)

    inside = np.flatnonzero(np.isfinite(alpha))
    precision = np.linalg.inv(np.eye(12) / beta + basis[:, inside] @ np.diag(1 / alpha[inside]) @ basis[:, inside].T)
    sparsity, quality = np.einsum("nm,nk,km->m", basis, precision, basis), basis.T @ precision @ targets
    gain, new = _gains(_Posterior(np.zeros(3), np.zeros((3, 3)), sparsity, quality), alpha)
    kinds = set()
    for m in range(5):
        if not np.isfinite(gain[m]):
            continue
        changed = alpha.copy()
        changed[m] = new[m]
        kinds.add((np.isfinite(alpha[m]), np.isfinite(new[m])))
        assert gain[m] == pytest.approx(twice_log_evidence(changed) - twice_log_evidence(alpha), abs=1e-6)
        assert gain[m] >= -1e-9
    assert kinds == {(False, True), (True, True), (True, False)}, "added, estimated again, deleted"


def test_irrelevant_functions_go():
    rng = np.random.default_rng(2)
    basis = rng.normal(size=(200, 30))
    targets = 2 * basis[:, 3] - basis[:, 17] + 0.1 * rng.normal(size=200)
    model = fit_regression(basis, targets, steps=1000, tolerance=1e-3)
    assert model.converged
    assert {3, 17} <= set(model.active.tolist())
    weights = dict(zip(model.active.tolist(), model.mean, strict=True))
    assert (weights.pop(3), weights.pop(17)) == pytest.approx((2, -1), abs=0.05)
    assert len(weights) <= 8
    assert all(abs(weight) < 0.02 for weight in weights.values())


def test_classes_are_told_apart_with_far_fewer_vectors_than_an_svm():
    x, y = make_moons(200, noise=0.2, random_state=0)
    x_test, y_test = make_moons(500, noise=0.2, random_state=1)
    model = RVC(gamma=1.0).fit(x, y)
    support = SVC(gamma=1.0).fit(x, y)
    assert model.score(x_test, y_test) >= support.score(x_test, y_test) - 0.02
    assert len(model.relevance_vectors_) * 3 < len(support.support_)


def test_three_classes_and_their_probabilities():
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = RVC().fit(x[::2], names[::2])
    assert model.score(x[1::2], names[1::2]) >= 0.93
    shares = model.predict_proba(x)
    np.testing.assert_allclose(shares.sum(1), 1)
    far = model.predict_proba(x[:1] + 1000)
    assert far.max() < 0.99


@pytest.mark.parametrize(
    ("options", "part"),
    [({"kernel": "cubic"}, "kernel must be one of rbf, linear, got 'cubic'"), ({"gamma": -1}, "gamma must be 'scale'")],
)
def test_bad_options_are_refused(options, part):
    with pytest.raises(ValueError, match=part):
        RVR(**options).fit(np.eye(4), np.arange(4))
