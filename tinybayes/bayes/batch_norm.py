"""Running statistics of BatchNorm that belong to the network as it is used: without the noise of training."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def refresh_batch_norm(module: nn.Module, x: Tensor, batch: int = 256) -> None:
    """Re-estimate the running statistics on ``x`` with every weight at its posterior mean; the mode is restored.

    Variational training leaves statistics of noisy activations behind, whose variance is larger than what the posterior
    mean or a pruned network produces. Whole batches only are used, so that all count the same.
    """
    norms = [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]
    if not norms:
        return
    training = module.training
    module.eval()
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative average instead of an exponential one
        layer.train()
    for chunk in torch.split(x[: len(x) - len(x) % batch] if len(x) > batch else x, batch):
        module(chunk)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    module.train(training)
