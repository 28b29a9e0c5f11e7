"""ATen operators that apply a function of one number to every element; ``HANDLERS`` is the list."""

import math
from collections.abc import Callable
from functools import partial

from tinybayes.frontend import layout
from tinybayes.frontend.chain import Chain
from tinybayes.frontend.program import Call
from tinybayes.ir import Pointwise
from tinybayes.ir.functions import CLAMP, FUNCTIONS

# torch.nn.SELU: Klambauer et al. (2017), arXiv:1706.02515, to the digits that torch has.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805

SUPPORTED = (
    "sigmoid, tanh, hardsigmoid, hardswish, hardtanh, relu6, clamp, leaky_relu, prelu with one slope, silu, gelu, elu, "
    "selu, celu, mish, softplus, exp, square, rsqrt"
)


def apply(chain: Chain, call: Call, function: str, parameters: tuple[float, ...]) -> None:
    """The result of ``call`` is ``function`` of each element."""
    for name, parameter in zip(FUNCTIONS[function].parameters, parameters, strict=True):
        if math.isnan(parameter):
            chain.refuse(call, f"with {name}={parameter} is not supported")
    value = layout.whole(chain, call, "input" if "input" in call.arguments else "self")
    name = chain.name(call, function)
    node = Pointwise(name=name, inputs=(value.tensor,), output=name, function=function, parameters=parameters)
    layout.append_in_place(chain, call, node, value)


def plain(chain: Chain, call: Call, *, function: str, defaults: tuple[tuple[str, float], ...] = ()) -> None:
    """A function whose parameters are arguments of the call, with their defaults."""
    parameters = tuple(call.number(argument, default) for argument, default in defaults)
    if not all(map(math.isfinite, parameters)):
        chain.refuse(call, f"with {dict(zip(dict(defaults), parameters, strict=True))} is not supported")
    apply(chain, call, function, parameters)


def clamp(chain: Chain, call: Call, *, low: tuple[str, float], high: tuple[str, float]) -> None:
    """hardtanh, relu6, clamp, clamp_min and clamp_max: (argument, default) of both bounds."""
    bounds = [
        default if call.arguments.get(name) is None else call.number(name, default) for name, default in (low, high)
    ]
    if not bounds[0] <= bounds[1]:
        chain.refuse(call, f"between {bounds[0]} and {bounds[1]} is not supported: the lower bound is above the upper")
    apply(chain, call, CLAMP, (bounds[0], bounds[1]))


def gelu(chain: Chain, call: Call) -> None:
    """aten.gelu, exact or with tanh."""
    approximate = call.arguments.get("approximate", "none")
    names = {"none": "gelu", "tanh": "gelu_tanh"}
    if approximate not in names:
        chain.refuse(call, f"with approximate={approximate!r} is not supported")
    apply(chain, call, names[approximate], ())


def prelu(chain: Chain, call: Call) -> None:
    """aten.prelu with the same slope for all channels."""
    slope = chain.weight(call)
    if slope.size != 1:
        chain.refuse(call, f"with {slope.size} slopes is not supported: use one (num_parameters=1)")
    apply(chain, call, "leaky_relu", (float(slope.reshape(-1)[0]),))


def celu(chain: Chain, call: Call) -> None:
    """aten.celu: max(x, 0) + min(alpha (exp(x / alpha) - 1), 0)."""
    alpha = call.number("alpha", 1.0)
    if not alpha > 0:
        chain.refuse(call, f"with alpha={alpha} is not supported: wanted alpha above 0")
    apply(chain, call, "elu", (alpha, 1.0, 1.0 / alpha))


def selu(chain: Chain, call: Call) -> None:
    """aten.selu."""
    apply(chain, call, "elu", (_SELU_ALPHA, _SELU_SCALE, 1.0))


def power(chain: Chain, call: Call) -> None:
    """aten.pow with the exponents 2 and -1/2."""
    exponent = call.number("exponent", math.nan)
    if exponent not in _POWERS:
        chain.refuse(call, f"with exponent={exponent:g} is not supported: wanted {' or '.join(map(str, _POWERS))}")
    apply(chain, call, _POWERS[exponent], ())


_POWERS = {2.0: "square", -0.5: "rsqrt"}
_UNBOUNDED = ("", -math.inf), ("", math.inf)

_OPERATORS: dict[str, Callable[[Chain, Call], None]] = {
    "sigmoid": partial(plain, function="sigmoid"),
    "tanh": partial(plain, function="tanh"),
    "hardsigmoid": partial(plain, function="hard_sigmoid"),
    "hardswish": partial(plain, function="hard_swish"),
    "silu": partial(plain, function="silu"),
    "exp": partial(plain, function="exp"),
    "square": partial(plain, function="square"),
    "rsqrt": partial(plain, function="rsqrt"),
    "mish": partial(plain, function="mish"),
    "leaky_relu": partial(plain, function="leaky_relu", defaults=(("negative_slope", 0.01),)),
    "elu": partial(plain, function="elu", defaults=(("alpha", 1.0), ("scale", 1.0), ("input_scale", 1.0))),
    "softplus": partial(plain, function="softplus", defaults=(("beta", 1.0), ("threshold", 20.0))),
    "hardtanh": partial(clamp, low=("min_val", -1.0), high=("max_val", 1.0)),
    "relu6": partial(clamp, low=("", 0.0), high=("", 6.0)),
    "clamp": partial(clamp, low=("min", -math.inf), high=("max", math.inf)),
    "clip": partial(clamp, low=("min", -math.inf), high=("max", math.inf)),
    "clamp_min": partial(clamp, low=("min", -math.inf), high=_UNBOUNDED[1]),
    "clamp_max": partial(clamp, low=_UNBOUNDED[0], high=("max", math.inf)),
    "gelu": gelu,
    "pow": power,
    "prelu": prelu,
    "celu": celu,
    "selu": selu,
}

HANDLERS: dict[str, Callable[[Chain, Call], None]] = {
    f"{name}{suffix}": handler for name, handler in _OPERATORS.items() for suffix in ("", "_")
}
"""Each operator, and the variant of it that overwrites its input."""
