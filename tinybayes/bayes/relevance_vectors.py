"""Relevance vector machines with scikit-learn's interface: ``RVR`` for regression, ``RVC`` for classes.

Tipping, *Sparse Bayesian Learning and the Relevance Vector Machine* (JMLR 2001), trained by the fast method of Tipping
and Faul (AISTATS 2003). Needs scikit-learn: ``pip install 'tinybayes[rvm]'``.
"""

import warnings
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tinybayes.bayes.marginal_likelihood import Floats, SparseModel, fit_classification, fit_regression
from tinybayes.errors import UserError

if TYPE_CHECKING:
    from tinybayes.bayes.networks import KernelClassifier

KERNELS = ("rbf", "linear")


class _RelevanceVectors(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """What both share: a basis of one kernel function for each training sample, and a constant."""

    def __init__(
        self,
        kernel: str = "rbf",
        gamma: float | str = "scale",
        fit_intercept: bool = True,
        max_iter: int = 3000,
        tol: float = 1e-3,
    ) -> None:
        self.kernel = kernel
        self.gamma = gamma
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    def _prepare(self, x: Floats) -> Floats:
        if self.kernel not in KERNELS:
            raise ValueError(f"kernel must be one of {', '.join(KERNELS)}, got {self.kernel!r}")
        if self.gamma == "scale":
            spread = float(x.var())
            self.gamma_ = 1.0 / (x.shape[1] * spread) if spread > 0 else 1.0
        elif isinstance(self.gamma, int | float) and self.gamma > 0:
            self.gamma_ = float(self.gamma)
        else:
            raise ValueError(f"gamma must be 'scale' or a number above 0, got {self.gamma!r}")
        self.centers_ = x
        return self._basis(x)

    def _basis(self, x: Floats) -> Floats:
        columns = [np.ones((len(x), 1))] if self.fit_intercept else []
        if self.kernel == "linear" and len(self.centers_):
            columns.insert(0, linear_kernel(x, self.centers_))
        elif len(self.centers_):  # there may be none left: a constant can be all that the data asks for
            columns.insert(0, rbf_kernel(x, self.centers_, gamma=self.gamma_))
        return np.hstack(columns)

    def _kept(self, models: list[SparseModel]) -> list[SparseModel]:
        """Keeps the centers that some model uses; warns where one did not converge."""
        if not all(model.converged for model in models):
            warnings.warn(
                f"{type(self).__name__} did not converge in {self.max_iter} steps; raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=3,
            )
        samples = len(self.centers_)
        used = np.unique(np.concatenate([model.active for model in models]))
        self.relevance_ = used[used < samples]
        self.relevance_vectors_ = self.centers_ = self.centers_[self.relevance_]
        place = {int(old): new for new, old in enumerate(self.relevance_)} | {samples: len(self.relevance_)}
        self.active_ = [np.array([place[int(i)] for i in model.active]) for model in models]
        self.n_iter_ = max(model.iterations for model in models)
        return models


class RVR(RegressorMixin, _RelevanceVectors):  # type: ignore[misc]
    """Relevance vector regression with learned noise.

    Parameters: ``kernel`` ``"rbf"`` or ``"linear"``; ``gamma`` of exp(-gamma |x - c|^2), ``"scale"`` for
    1 / (features * variance); ``fit_intercept`` adds a constant to the basis; ``max_iter`` steps at most; ``tol`` is
    the gain in log marginal likelihood that is worth a step. After fit: ``relevance_vectors_`` (m, features),
    ``coef_`` (m or m + 1,), ``covariance_``, ``noise_variance_``.
    """

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:  # noqa: N803 - scikit-learn's name
        """Fit X (samples, features) to y (samples,)."""
        x, targets = validate_data(self, X, y, y_numeric=True, dtype=np.float64, ensure_min_samples=2)
        basis = self._prepare(x)
        self.offset_ = float(targets.mean()) if self.fit_intercept else 0.0
        model = fit_regression(basis, targets - self.offset_, steps=self.max_iter, tolerance=self.tol)
        (model,) = self._kept([model])
        self.coef_, self.covariance_ = model.mean, model.covariance
        assert model.noise_precision is not None
        self.noise_variance_ = 1.0 / model.noise_precision
        return self

    def predict(self, X: npt.ArrayLike, return_std: bool = False) -> Any:  # noqa: ANN401, N803
        """Predictive mean (samples,); with ``return_std`` also the standard deviation, noise included."""
        check_is_fitted(self)
        basis = self._basis(validate_data(self, X, dtype=np.float64, reset=False))[:, self.active_[0]]
        mean = basis @ self.coef_ + self.offset_
        if not return_std:
            return mean
        variance = self.noise_variance_ + np.einsum("ni,ij,nj->n", basis, self.covariance_, basis)
        return mean, np.sqrt(variance)


class RVC(ClassifierMixin, _RelevanceVectors):  # type: ignore[misc]
    """Relevance vector classification: one logistic model for two classes, one against the rest for more.

    Parameters are those of :class:`RVR`. After fit: ``classes_``, ``relevance_vectors_``, and ``coef_`` and
    ``covariance_``, lists with an entry for each model.
    """

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:  # noqa: N803
        """Fit X (samples, features) to labels y (samples,)."""
        x, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"RVC needs samples of at least 2 classes, got 1 class: {self.classes_[0]!r}")
        basis = self._prepare(x)
        positive = [1] if len(self.classes_) == 2 else range(len(self.classes_))
        models = [
            fit_classification(basis, (numbers == k).astype(np.float64), steps=self.max_iter, tolerance=self.tol)
            for k in positive
        ]
        models = self._kept(models)
        self.coef_ = [model.mean for model in models]
        self.covariance_ = [model.covariance for model in models]
        return self

    def decision_function(self, X: npt.ArrayLike) -> Floats:  # noqa: N803
        """Scores corrected by their variance (MacKay 1992): (samples,) for two classes, else (samples, classes)."""
        scores = self._scores(X)
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: npt.ArrayLike) -> Floats:  # noqa: N803
        """Class probabilities (samples, classes): the logistic function of the scores, made to sum to 1."""
        shares = expit(self._scores(X))
        if len(self.classes_) == 2:
            return np.hstack([1 - shares, shares])
        return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny))

    def predict(self, X: npt.ArrayLike) -> Any:  # noqa: ANN401, N803
        """Labels (samples,)."""
        scores = self._scores(X)
        chosen = (scores[:, 0] > 0).astype(np.intp) if len(self.classes_) == 2 else scores.argmax(axis=1)
        return self.classes_[chosen]

    def _scores(self, x: npt.ArrayLike) -> Floats:
        check_is_fitted(self)
        basis = self._basis(validate_data(self, x, dtype=np.float64, reset=False))
        corrected = []
        for active, mean, covariance in zip(self.active_, self.coef_, self.covariance_, strict=True):
            phi = basis[:, active]
            variance = np.einsum("ni,ij,nj->n", phi, covariance, phi)
            corrected.append(phi @ mean / np.sqrt(1 + np.pi / 8 * variance))
        return np.stack(corrected, axis=1)

    def to_network(self) -> "KernelClassifier":
        """The fitted classifier as a torch module that compiles; needs torch.

        Its largest output is ``predict``'s class, ``classes_`` by index, but where the variance of the scores turns the
        order of several classes round: the network has the posterior means alone. Raises UserError for a model
        that keeps only its constant: its scores are the same for every input, and no network is compiled for that.
        """
        from tinybayes.bayes.networks import KernelClassifier

        check_is_fitted(self)
        if not len(self.centers_):
            raise UserError(
                "RVC.to_network(): no relevance vector was kept, only the constant, so that every input would get the "
                f"same scores; wanted at least one: fit again with a smaller tol (was {self.tol:g}), another gamma "
                f"(was {self.gamma_:g}) or more samples"
            )
        reach = float(np.abs(self.centers_).max(initial=0.0)) or 1.0
        return KernelClassifier(self, reach)
