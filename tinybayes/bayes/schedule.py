"""Schedules of training, as pure functions of a fractional epoch."""

import math


def warm_up(epoch: float, start: float, length: float) -> float:
    """Weight of the KL term: 0 up to ``start``, then linear to 1 over ``length`` epochs (Molchanov et al. 2017)."""
    if length <= 0:
        return float(epoch >= start)
    return min(1.0, max(0.0, (epoch - start) / length))


def cosine(epoch: float, epochs: float) -> float:
    """Factor of the learning rate: 1 at the start, 0 at the end, half a cosine between (Loshchilov and Hutter 2017)."""
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, epoch / epochs)))


def constant_then_linear(epoch: float, epochs: float) -> float:
    """Factor of the learning rate: 1 for the first half, then linear to 0 (Molchanov et al. 2017, LeNet-300-100)."""
    return min(1.0, 2.0 * (1.0 - min(1.0, epoch / epochs)))
