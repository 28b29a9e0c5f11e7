"""Pruning by the posterior, and networks whose pruned weights stay zero while the rest trains."""

import copy

import torch
from torch import Tensor, nn
from torch.func import functional_call

from tinybayes.bayes import posterior_mean, variational_weights
from tinybayes.compress.weighted import weight_names


@torch.no_grad()
def posterior_masks(module: nn.Module, threshold: float | None = None) -> dict[str, Tensor]:
    """Float masks (1 keeps, 0 prunes) by parameter name: a weight goes when its score reaches ``threshold``.

    Without ``threshold``, the one that each weight's prior came with decides.
    """
    return {
        name: (posterior.score(weight) < (posterior.threshold if threshold is None else threshold)).float()
        for name, weight, posterior in variational_weights(module)
    }


class MaskedNetwork(nn.Module):
    """A network that multiplies some of its weights by fixed masks, so that pruned weights neither act nor learn."""

    def __init__(self, network: nn.Module, masks: dict[str, Tensor]) -> None:
        super().__init__()
        self.network = network
        self._names = list(masks)
        for number, mask in enumerate(masks.values()):
            self.register_buffer(f"mask{number}", mask)

    @property
    def masks(self) -> dict[str, Tensor]:
        """The mask of each masked parameter, by its name in the wrapped network."""
        return {name: self.get_buffer(f"mask{number}") for number, name in enumerate(self._names)}

    def forward(self, x: Tensor) -> Tensor:
        """The wrapped network with masked weights."""
        weights = {name: self.network.get_parameter(name) * mask for name, mask in self.masks.items()}
        return functional_call(self.network, weights, (x,))  # type: ignore[no-any-return] # functional_call is untyped

    @torch.no_grad()
    def plain(self) -> nn.Module:
        """A copy of the wrapped network with exact zeros where the masks prune."""
        network = copy.deepcopy(self.network)
        for name, mask in self.masks.items():
            network.get_parameter(name).mul_(mask)
        return network


def prune(module: nn.Module, threshold: float | None = None) -> MaskedNetwork:
    """The posterior mean of a variational network, with weights whose score reaches ``threshold`` masked out."""
    return MaskedNetwork(posterior_mean(module), posterior_masks(module, threshold))


@torch.no_grad()
def weight_counts(module: nn.Module) -> tuple[int, int]:
    """(nonzero, all) entries of the matrices and kernels of a plain network; biases and norms are not counted."""
    weights = [module.get_parameter(name) for name in weight_names(module)]
    return sum(int(torch.count_nonzero(weight)) for weight in weights), sum(weight.numel() for weight in weights)
