"""How many bits a layer's weights deserve, judged by their posterior variance, and weights rounded to them."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tinybayes.bayes.sparsify import extract

MOST_SIGNIFICANT_BITS = 23  # of a float32


@dataclass(frozen=True)
class LayerBits:
    """``sign_bits``, ``exponent_bits`` (of the whole network) and ``significant_bits`` of one weight tensor."""

    weights: int
    sign_bits: int
    exponent_bits: int
    significant_bits: int

    @property
    def bits(self) -> int:
        """Bits of one weight."""
        return self.sign_bits + self.exponent_bits + self.significant_bits


def posterior_bits(module: nn.Module) -> dict[str, LayerBits]:
    """Bit widths of every variational weight tensor, by parameter name; pruned rows and columns are left out.

    The rule is that of the code which Louizos, Ullrich and Welling (NIPS 2017) published: a weight needs as many
    significant bits t as there are unit round-offs 2^-t above twice its posterior *variance* (the paper's section 3.3
    speaks of the standard deviation), and a layer the mean over its weights, rounded up. The exponent has to span the
    largest weight, ceil(log2(|log2 max|w|| + 1) + 1) bits; the absolute value is ours, since theirs is no number for
    networks whose weights are all below 1/2. A tensor that is pruned wholly takes no bits. Outputs that live here and
    that the next layer does not read are counted, other than in that code: a module does not say what comes next.
    """
    found = extract(module)
    largest = max((float((value.mean * value.mask).abs().max()) for value in found.values()), default=0.0)
    exponent = 0
    if largest > 0:
        exponent = math.ceil(math.log2(abs(math.log2(largest)) + 1) + 1)
    result = {}
    for name, value in found.items():
        alive = value.mask.flatten(1).any(1), value.mask.transpose(0, 1).flatten(1).any(1)
        variance = value.variance[alive[0]][:, alive[1]]
        if not variance.numel():
            result[name] = LayerBits(0, 0, 0, 0)
            continue
        round_off = 2.0 ** -torch.arange(1, MOST_SIGNIFICANT_BITS + 1, dtype=torch.float64)
        significant = (2 * variance.double()[..., None] < round_off).sum(-1).double().mean()
        result[name] = LayerBits(variance.numel(), 1, exponent, math.ceil(float(significant)))
    return result


def rounded_weights(module: nn.Module) -> dict[str, Tensor]:
    """Posterior means by parameter name, pruned weights 0, rounded to the bits of their layer (:func:`posterior_bits`).

    Fixed point, as in the published code: floor(w 2^t + 1/2) 2^-t with t ``significant_bits``, so that no weight moves
    by more than 2^-(t + 1). A plain network takes them by ``load_state_dict(..., strict=False)``, for instance the one
    that :func:`tinybayes.bayes.posterior_mean` makes.
    """
    bits = posterior_bits(module)
    rounded = {}
    for name, value in extract(module).items():
        step = 2.0 ** -bits[name].significant_bits
        rounded[name] = torch.floor(value.mean * value.mask / step + 0.5) * step
    return rounded
