"""An exact Bayesian last layer: the posterior over a linear map of features, by conjugate linear regression."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

Floats = npt.NDArray[np.float64]


@dataclass
class BayesianLinearHead:
    """Linear regression t = phi W + noise with prior W ~ N(0, prior_variance) and noise ~ N(0, noise_variance).

    Bishop, *Pattern Recognition and Machine Learning*, eqs. 3.53, 3.54 and 3.59. All outputs share the posterior
    covariance S, (features, features); ``mean`` is (features, outputs). For classes, targets are one-hot and
    :meth:`probabilities` corrects the scores by their variance.
    """

    features: int
    outputs: int
    prior_variance: float = 1.0
    noise_variance: float = 1.0
    covariance: Floats = field(init=False)
    mean: Floats = field(init=False)

    def __post_init__(self) -> None:
        for name in ("prior_variance", "noise_variance"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        self.covariance = self.prior_variance * np.eye(self.features)
        self.mean = np.zeros((self.features, self.outputs))

    def fit(self, phi: Floats, targets: Floats) -> "BayesianLinearHead":
        """The posterior given features (samples, features) and targets (samples, outputs), from the prior on."""
        phi, targets = self._checked(phi, targets)
        precision = np.eye(self.features) / self.prior_variance + phi.T @ phi / self.noise_variance
        factor = cho_factor(precision)
        self.covariance = cho_solve(factor, np.eye(self.features))
        self.mean = cho_solve(factor, phi.T @ targets) / self.noise_variance
        return self

    def update(self, phi: Floats, target: Floats) -> "BayesianLinearHead":
        """The posterior after one more sample, features (features,) and target (outputs,), in O(features^2).

        Sherman and Morrison (1950): S' = S - S phi phi^T S / (noise + phi^T S phi).
        """
        rows, targets = self._checked(phi[None], target[None])
        gain = self.covariance @ rows[0]
        gain = gain / (self.noise_variance + rows[0] @ gain)
        self.mean = self.mean + np.outer(gain, targets[0] - rows[0] @ self.mean)
        shrunk = self.covariance - np.outer(gain, rows[0] @ self.covariance)
        self.covariance = 0.5 * (shrunk + shrunk.T)  # rounding must not make it lopsided
        return self

    def predict(self, phi: Floats) -> tuple[Floats, Floats]:
        """Predictive mean (samples, outputs) and variance (samples,), noise included (eq. 3.59)."""
        phi, _ = self._checked(phi, np.zeros((len(phi), self.outputs)))
        return phi @ self.mean, self.noise_variance + self.weight_variance(phi)

    def weight_variance(self, phi: Floats) -> Floats:
        """phi^T S phi of each sample: what not knowing the weights adds to the variance of every output."""
        return np.asarray(np.einsum("ni,ij,nj->n", phi, self.covariance, phi))

    def probabilities(self, phi: Floats) -> Floats:
        """Class probabilities (samples, outputs): softmax of mean / sqrt(1 + pi/8 variance of the scores).

        The probit correction of MacKay (1992), as Daxberger et al. (NeurIPS 2021) use it for last layers.
        """
        mean, _ = self.predict(phi)
        scores = mean / np.sqrt(1 + np.pi / 8 * self.weight_variance(phi))[:, None]
        grown = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(grown / grown.sum(axis=1, keepdims=True))

    def log_evidence(self, phi: Floats, targets: Floats) -> float:
        """log p(targets | phi), the weights integrated out; what prior and noise variance can be chosen by."""
        phi, targets = self._checked(phi, targets)
        covariance = self.noise_variance * np.eye(len(phi)) + self.prior_variance * phi @ phi.T
        factor = cho_factor(covariance, lower=True)
        log_determinant = float(2 * np.log(np.diag(factor[0])).sum())
        fit = float((targets * cho_solve(factor, targets)).sum())
        return -0.5 * (fit + self.outputs * (log_determinant + len(phi) * math.log(2 * math.pi)))

    def _checked(self, phi: Floats, targets: Floats) -> tuple[Floats, Floats]:
        phi, targets = np.asarray(phi, np.float64), np.asarray(targets, np.float64)
        if phi.ndim != 2 or phi.shape[1] != self.features or targets.shape != (len(phi), self.outputs):
            raise ValueError(
                f"features {phi.shape} and targets {targets.shape}, wanted (n, {self.features}) and (n, {self.outputs})"
            )
        if not (np.isfinite(phi).all() and np.isfinite(targets).all()):
            raise ValueError("features and targets must be finite")
        return phi, targets
