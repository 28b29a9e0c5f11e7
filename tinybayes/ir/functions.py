"""Functions of one number that networks apply to every element, as torch defines them (torch.nn.functional)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import erf, expit

Real = npt.NDArray[np.float64]

CLAMP = "clamp"
RSQRT_LEAST = 1e-6
SOFTPLUS_THRESHOLD = 20.0
"""torch's default: from here on ``log(1 + exp(x))`` is ``x`` in float32. Below it, softplus falls at its threshold."""
_LARGEST_EXPONENT = 80.0
"""From here on a power of e is beyond every scale."""


@dataclass(frozen=True)
class Function:
    """``evaluate(x, *parameters)`` in float64; ``parameters`` are their names.

    ``rises(*parameters)`` says whether it never decreases, so that a maximum may be taken before it.
    """

    evaluate: Callable[..., Real]
    parameters: tuple[str, ...] = ()
    rises: Callable[..., bool] = lambda *_parameters: False


def _elu(x: Real, alpha: float, scale: float, input_scale: float) -> Real:
    below: Real = alpha * np.expm1(np.minimum(x, 0.0) * input_scale)
    elu: Real = scale * np.where(x > 0, x, below)
    return elu


def _softplus(x: Real, beta: float, threshold: float) -> Real:
    softplus: Real = np.where(x * beta > threshold, x, np.logaddexp(0.0, x * beta) / beta)
    return softplus


def _hard_sigmoid(x: Real) -> Real:
    hard: Real = np.clip(x + 3.0, 0.0, 6.0) / 6.0
    return hard


def _gelu_tanh(x: Real) -> Real:
    """Hendrycks and Gimpel (2016), arXiv:1606.08415, section 2."""
    gelu: Real = 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))
    return gelu


def _exp(x: Real) -> Real:
    power: Real = np.exp(np.minimum(x, _LARGEST_EXPONENT))
    return power


def _rsqrt(x: Real) -> Real:
    """``1 / sqrt(x)``, where ``x`` is not below ``RSQRT_LEAST``: there it is not finite, or no number."""
    root: Real = 1.0 / np.sqrt(np.maximum(x, RSQRT_LEAST))
    return root


def _always(*_parameters: float) -> bool:
    return True


FUNCTIONS: dict[str, Function] = {
    CLAMP: Function(np.clip, ("low", "high"), rises=_always),
    "elu": Function(_elu, ("alpha", "scale", "input_scale"), rises=lambda *parameters: min(parameters) >= 0),
    "exp": Function(_exp, rises=_always),
    "gelu": Function(lambda x: 0.5 * x * (1.0 + erf(x / np.sqrt(2.0)))),
    "gelu_tanh": Function(_gelu_tanh),
    "hard_sigmoid": Function(_hard_sigmoid, rises=_always),
    "hard_swish": Function(lambda x: x * _hard_sigmoid(x)),
    "leaky_relu": Function(lambda x, slope: np.where(x > 0, x, x * slope), ("slope",), rises=lambda slope: slope >= 0),
    "mish": Function(lambda x: x * np.tanh(np.logaddexp(0.0, x))),
    "rsqrt": Function(_rsqrt),
    "sigmoid": Function(expit, rises=_always),
    "silu": Function(lambda x: x * expit(x)),
    "softplus": Function(
        _softplus, ("beta", "threshold"), rises=lambda _beta, threshold: threshold >= SOFTPLUS_THRESHOLD
    ),
    "square": Function(np.square),
    "tanh": Function(np.tanh, rises=_always),
}
"""By name, every function of one number."""
