"""Pruning by the posterior, and networks whose pruned weights stay zero while the rest trains."""

import copy

import torch
from torch import Tensor, nn
from torch.func import functional_call

from tinybayes.bayes import THRESHOLD, log_alphas, posterior_mean


@torch.no_grad()
def posterior_masks(module: nn.Module, threshold: float = THRESHOLD) -> dict[str, Tensor]:
    """Float masks (1 keeps, 0 prunes) by parameter name: a weight goes when its log alpha reaches ``threshold``."""
    return {_parameter(name): (values < threshold).float() for name, values in log_alphas(module).items()}


def _parameter(layer: str) -> str:
    return f"{layer}.weight" if layer else "weight"


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


def prune(module: nn.Module, threshold: float = THRESHOLD) -> MaskedNetwork:
    """The posterior mean of a variational network, with weights of log alpha >= ``threshold`` masked out."""
    return MaskedNetwork(posterior_mean(module), posterior_masks(module, threshold))


@torch.no_grad()
def weight_counts(module: nn.Module) -> tuple[int, int]:
    """(nonzero, all) entries of the matrices and kernels of a plain network; biases and norms are not counted."""
    nonzero = total = 0
    for layer in module.modules():
        if type(layer) in (nn.Linear, nn.Conv1d, nn.Conv2d):
            weight = layer.get_parameter("weight")
            nonzero += int(torch.count_nonzero(weight))
            total += weight.numel()
    return nonzero, total
