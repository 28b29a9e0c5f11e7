"""How a sparse convolution goes through its output positions; the order is that of ``firmware/runtime/tb_conv.h``."""

from dataclasses import dataclass

from tinybayes.plan.steps import FIELDS, Step


@dataclass(frozen=True)
class Walk:
    """Positions taken four at a time and alone, and codes that are made, for one output channel."""

    fours: int
    singles: int
    codes: int


def walk_of(step: Step) -> Walk:
    """The walk of a step with one kernel for its convolution and its pooling."""
    height, width, _ = step.target.tensor.hwc
    window = step.pool.window if step.pool is not None else (1, 1)
    stride = step.pool.stride if step.pool is not None else (1, 1)
    if window == (2, 2):
        fours = height * width
    elif window in ((1, 1), (1, 2), (1, 4)) and window[1] in (1, stride[1]):
        fours = height * (width * window[1] // FIELDS)
    else:
        fours = height * width * window[0] * (window[1] // FIELDS)
    codes = height * width + (step.positions if step.averages else 0)
    return Walk(fours, step.positions - FIELDS * fours, codes)
