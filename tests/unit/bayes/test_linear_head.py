"""The exact Bayesian last layer."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tinybayes.bayes.linear_head import BayesianLinearHead


def data(samples: int = 60, features: int = 5, outputs: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    phi = rng.normal(size=(samples, features))
    return phi, phi @ rng.normal(size=(features, outputs)) + 0.3 * rng.normal(size=(samples, outputs))


def test_updates_one_by_one_give_the_posterior_of_all_at_once():
    phi, targets = data()
    whole = BayesianLinearHead(5, 3, 2.0, 0.09).fit(phi, targets)
    growing = BayesianLinearHead(5, 3, 2.0, 0.09)
    for row, target in zip(phi, targets, strict=True):
        growing.update(row, target)
    np.testing.assert_allclose(growing.covariance, whole.covariance, atol=1e-10)
    np.testing.assert_allclose(growing.mean, whole.mean, atol=1e-10)


def test_the_posterior_is_that_of_conditioning_a_joint_gaussian():
    phi, targets = data(samples=4, features=2, outputs=1)
    head = BayesianLinearHead(2, 1, 1.5, 0.5).fit(phi, targets)
    cross = 1.5 * phi.T
    among = 1.5 * phi @ phi.T + 0.5 * np.eye(4)
    np.testing.assert_allclose(head.mean, cross @ np.linalg.solve(among, targets), atol=1e-12)
    np.testing.assert_allclose(head.covariance, 1.5 * np.eye(2) - cross @ np.linalg.solve(among, cross.T), atol=1e-12)


def test_evidence_is_the_density_of_the_targets_and_prefers_the_true_noise():
    phi, targets = data(samples=12, features=2, outputs=2)
    head = BayesianLinearHead(2, 2, 1.0, 0.09)
    joint = multivariate_normal(np.zeros(12), phi @ phi.T + 0.09 * np.eye(12))
    assert head.log_evidence(phi, targets) == pytest.approx(sum(joint.logpdf(column) for column in targets.T))
    phi, targets = data(samples=400)
    evidence = {v: BayesianLinearHead(5, 3, 1.0, v).log_evidence(phi, targets) for v in (0.01, 0.09, 1.0)}
    assert max(evidence, key=evidence.__getitem__) == 0.09


def test_uncertainty_grows_away_from_the_data_and_flattens_the_classes():
    phi, targets = data()
    head = BayesianLinearHead(5, 3, 1.0, 0.09).fit(phi, targets)
    near, far = phi[:1], 50 * phi[:1]
    assert head.predict(far)[1][0] > 100 * (head.predict(near)[1][0] - 0.09)
    plain = np.exp(head.predict(far)[0] - head.predict(far)[0].max())
    assert head.probabilities(far).max() < (plain / plain.sum()).max()
    np.testing.assert_allclose(head.probabilities(phi).sum(1), 1)


@pytest.mark.parametrize(
    ("phi", "targets", "part"),
    [
        (np.zeros((4, 4)), np.zeros((4, 3)), r"features \(4, 4\) and targets \(4, 3\), wanted \(n, 5\)"),
        (np.zeros((4, 5)), np.zeros((3, 3)), r"targets \(3, 3\)"),
        (np.full((4, 5), np.nan), np.zeros((4, 3)), "finite"),
    ],
)
def test_bad_features_are_refused(phi, targets, part):
    with pytest.raises(ValueError, match=part):
        BayesianLinearHead(5, 3).fit(phi, targets)


def test_variances_must_be_positive():
    with pytest.raises(ValueError, match="noise_variance must be above 0, got 0"):
        BayesianLinearHead(5, 3, noise_variance=0)
