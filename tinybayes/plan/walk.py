"""How a convolution goes through its output positions; the orders are those of ``firmware/runtime/tb_conv*.h``."""

from dataclasses import dataclass

from tinybayes.plan.steps import FIELDS, Step


@dataclass(frozen=True)
class Walk:
    """What is done for one output channel.

    A sparse kernel takes positions four at a time (``fours``) and alone (``singles``); a dense one copies four fields
    ``copies`` times. ``windows`` codes are written; ``averaged`` codes are made besides, of which means are formed.
    """

    fours: int
    singles: int
    copies: int
    windows: int
    averaged: int


def walk_of(step: Step) -> Walk:
    """The walk of a step with one kernel for its convolution and its pooling."""
    height, width, _ = step.target.tensor.hwc
    window = step.pool.window if step.pool is not None else (1, 1)
    stride = step.pool.stride if step.pool is not None else (1, 1)
    size, windows = window[0] * window[1], height * width
    if window == (2, 2):
        fours = windows
    elif window in ((1, 1), (1, 2), (1, 4)) and window[1] in (1, stride[1]):
        fours = height * (width * window[1] // FIELDS)
    else:
        fours = windows * window[0] * (window[1] // FIELDS)
    copies = windows * -(-size // FIELDS) if size > FIELDS else -(-windows // (FIELDS // size))
    averaged = step.positions if step.averages else 0
    return Walk(fours, step.positions - FIELDS * fours, copies, windows, averaged)
