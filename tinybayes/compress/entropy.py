"""What a sparse, shared weight tensor costs when it is coded, as a term that training can lower."""

import torch
from torch import Tensor


def coded_bits(values: Tensor, levels: Tensor, weights: int) -> Tensor:
    """Bits of an ideal code for which of ``weights`` weights are not zero and for their levels, with gradient.

    ``values`` (living weights,) are latent weights and ``levels`` (levels,) the table that they read; zero is a level
    too, the one of all weights that are not among the living. The code is one of order 0 for every weight, zeros too:
    n H(p) bits for the places of a share p of n weights, as much as an ideal code of the gaps between them takes where
    they lie at random, and the entropy of the levels for each of them.

    A living weight's bits are the mean code length of the levels around it, -log2 of how often each one is read in the
    whole tensor, weighted by a softmax of the squared distance in units of the mean squared rounding error. So the
    gradient draws a weight to the common levels near it, most of all to zero: the entropy-penalised
    reparametrisation of Oktay, Ballé, Singh and Shrivastava (ICLR 2020) with a table instead of a uniform step, and
    the constraint of Chou, Lookabaugh and Gray (1989) as a penalty. Only ``values`` get a gradient; what the other
    zeros take is a constant to it.
    """
    if not values.numel():
        return values.new_zeros(())
    table = torch.cat([levels.new_zeros(1), levels.detach().unique()])
    squares = (values[:, None] - table) ** 2
    with torch.no_grad():
        least, read = squares.min(dim=1)
        counts = torch.bincount(read, minlength=len(table)).to(values.dtype)
        dead = weights - len(values)
        counts[0] += dead
        lengths = -torch.log2(counts.clamp(min=0.5) / weights)
        tiny = torch.finfo(values.dtype).tiny
        error = least.mean().clamp(min=tiny)
    return (torch.softmax(-squares / (2 * error), dim=1) @ lengths).sum() + dead * lengths[0]
