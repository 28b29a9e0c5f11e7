"""Sparse Bayesian learning: which basis functions a model needs, by maximising its marginal likelihood one at a time.

Tipping and Faul, *Fast Marginal Likelihood Maximisation for Sparse Bayesian Models* (AISTATS 2003). A weight of basis
function i has the prior N(0, 1 / alpha_i); most alphas end at infinity, and their functions are gone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

_NEWTON_STEPS = 50
_LEAST_CURVATURE = 1e-10


@dataclass(frozen=True)
class SparseModel:
    """What is left: ``active`` basis functions, with ``mean`` (m,), ``covariance`` (m, m) and ``alpha`` (m,).

    ``noise_precision`` is beta of a regression, None for a classification; ``iterations`` how many steps were taken
    and ``converged`` whether the last of them gained less than the tolerance.
    """

    active: Indices
    mean: Floats
    covariance: Floats
    alpha: Floats
    noise_precision: float | None
    iterations: int
    converged: bool


@dataclass(frozen=True)
class _Posterior:
    """The weights of the active functions, and S_m and Q_m (eqs. 24 and 25) of all of them."""

    mean: Floats
    covariance: Floats
    sparsity: Floats
    quality: Floats


def fit_regression(basis: Floats, targets: Floats, *, steps: int, tolerance: float) -> SparseModel:
    """Fit targets (n,) by columns of ``basis`` (n, m) with Gaussian noise whose precision is learned, too."""
    gram, projections = basis.T @ basis, basis.T @ targets
    variance = max(float(targets.var()), np.finfo(float).tiny)
    # Precision is bounded, so that targets without noise do not make the equations singular.
    most = 1e6 / variance
    state = {"beta": 10.0 / variance}

    def posterior(active: Indices, alpha: Floats) -> _Posterior:
        beta = state["beta"]
        factor = cho_factor(beta * gram[np.ix_(active, active)] + np.diag(alpha))
        covariance = cho_solve(factor, np.eye(len(active)))
        mean = beta * covariance @ projections[active]
        half = cho_solve(factor, gram[active])
        sparsity = beta * gram.diagonal() - beta**2 * np.einsum("am,am->m", gram[active], half)
        quality = beta * projections - beta**2 * half.T @ projections[active]
        return _Posterior(mean, covariance, sparsity, quality)

    def learn_noise(active: Indices, alpha: Floats, now: _Posterior) -> None:
        # Tipping (JMLR 2001), eq. 18
        residual = targets - basis[:, active] @ now.mean
        well_determined = len(active) - float((alpha * now.covariance.diagonal()).sum())
        left = float(residual @ residual)
        state["beta"] = min(most, max(len(targets) - well_determined, 1e-3) / max(left, np.finfo(float).tiny))

    best = int(np.argmax(projections**2 / np.maximum(gram.diagonal(), _LEAST_CURVATURE)))
    return _maximise(best, posterior, learn_noise, lambda: state["beta"], steps, tolerance)


def fit_classification(basis: Floats, labels: Floats, *, steps: int, tolerance: float) -> SparseModel:
    """Fit labels (n,) of 0 and 1 by a logistic model of columns of ``basis`` (n, m), with Laplace's approximation."""
    warm: dict[int, float] = {}

    def posterior(active: Indices, alpha: Floats) -> _Posterior:
        phi = basis[:, active]
        mean = np.array([warm.get(int(i), 0.0) for i in active])
        mean, curvature = _mode(phi, labels, alpha, mean)
        warm.update(zip(active.tolist(), mean.tolist(), strict=True))
        weighted = phi * curvature[:, None]
        factor = cho_factor(phi.T @ weighted + np.diag(alpha))
        cross = basis.T @ weighted
        sparsity = np.einsum("nm,n,nm->m", basis, curvature, basis)
        sparsity = sparsity - np.einsum("ma,am->m", cross, cho_solve(factor, cross.T))
        # With t-hat = Phi w + B^-1 (t - y), eq. 25 at the mode comes to this.
        quality = basis.T @ (labels - expit(phi @ mean))
        return _Posterior(mean, cho_solve(factor, np.eye(len(active))), sparsity, quality)

    score = (basis.T @ (labels - 0.5)) ** 2 / np.maximum((basis**2).sum(0), _LEAST_CURVATURE)
    return _maximise(int(np.argmax(score)), posterior, lambda *_: None, lambda: None, steps, tolerance)


def _mode(phi: Floats, labels: Floats, alpha: Floats, start: Floats) -> tuple[Floats, Floats]:
    """The most probable weights by Newton's method with halved steps, and the curvature y (1 - y) there."""

    def loss(weights: Floats) -> float:
        scores = phi @ weights
        return float(np.logaddexp(0, scores).sum() - labels @ scores + 0.5 * (alpha * weights * weights).sum())

    weights, value = start, loss(start)
    for _ in range(_NEWTON_STEPS):
        y = expit(phi @ weights)
        curvature = np.maximum(y * (1 - y), _LEAST_CURVATURE)
        gradient = phi.T @ (y - labels) + alpha * weights
        step = cho_solve(cho_factor(phi.T @ (phi * curvature[:, None]) + np.diag(alpha)), gradient)
        size = 1.0
        while loss(weights - size * step) > value and size > 1e-6:
            size /= 2
        weights = weights - size * step
        before, value = value, loss(weights)
        if before - value < 1e-9 * (1 + abs(value)):
            break
    y = expit(phi @ weights)
    return weights, np.maximum(y * (1 - y), _LEAST_CURVATURE)


def _maximise(
    first: int,
    posterior: Callable[[Indices, Floats], _Posterior],
    learn_noise: Callable[[Indices, Floats, _Posterior], None],
    noise_precision: Callable[[], float | None],
    steps: int,
    tolerance: float,
) -> SparseModel:
    """Add, re-estimate or delete the one function that gains most, until nothing gains more than ``tolerance``."""
    active, alpha = np.array([first]), np.array([1.0])
    converged, step = False, 0
    for step in range(1, steps + 1):  # noqa: B007 - the number of the last one is reported
        now = posterior(active, alpha)
        everywhere = np.full(len(now.sparsity), np.inf)
        everywhere[active] = alpha
        gain, new_alpha = _gains(now, everywhere)
        if len(active) == 1 and not np.isfinite(new_alpha[active[0]]):
            gain[active[0]] = -np.inf  # the last function stays
        best = int(np.argmax(gain))
        old_noise = noise_precision()
        if gain[best] > tolerance:
            everywhere[best] = new_alpha[best]
            active = np.flatnonzero(np.isfinite(everywhere))
            alpha = everywhere[active]
            now = posterior(active, alpha)
        learn_noise(active, alpha, now)
        new_noise = noise_precision()
        steady = old_noise is None or new_noise is None or abs(np.log(new_noise / old_noise)) < tolerance
        if gain[best] <= tolerance and steady:
            converged = True
            break
    now = posterior(active, alpha)
    return SparseModel(active, now.mean, now.covariance, alpha, noise_precision(), step, converged)


def _gains(now: _Posterior, alpha: Floats) -> tuple[Floats, Floats]:
    """Twice the gain in log marginal likelihood of the best change to each function, and the alpha it leads to.

    Tipping and Faul (2003): s and q by eq. 23; theta = q^2 - s decides (eqs. 20, 21); gains by eqs. 27, 32 and 37.
    """
    inside = np.isfinite(alpha)
    big_s, big_q = np.maximum(now.sparsity, _LEAST_CURVATURE), now.quality
    left = np.where(inside, np.maximum(alpha - big_s, _LEAST_CURVATURE), 1.0)
    s = np.where(inside, alpha * big_s / left, big_s)
    q = np.where(inside, alpha * big_q / left, big_q)
    theta = q * q - s
    wanted = theta > 0
    new = np.full_like(s, np.inf)
    np.divide(s * s, theta, out=new, where=wanted)
    new = np.where(wanted, np.clip(new, 1e-10, 1e12), np.inf)
    gain = np.full_like(s, -np.inf)
    add = wanted & ~inside
    gain[add] = (big_q[add] ** 2 - big_s[add]) / big_s[add] + np.log(big_s[add] / big_q[add] ** 2)
    again = wanted & inside
    change = 1 / new[again] - 1 / alpha[again]
    grown = np.maximum(1 + big_s[again] * change, _LEAST_CURVATURE)
    gain[again] = big_q[again] ** 2 * change / grown - np.log(grown)
    delete = ~wanted & inside
    fraction = np.minimum(big_s[delete] / alpha[delete], 1 - _LEAST_CURVATURE)
    gain[delete] = big_q[delete] ** 2 / (big_s[delete] - alpha[delete] - _LEAST_CURVATURE) - np.log1p(-fraction)
    return gain, new
