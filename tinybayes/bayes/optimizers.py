"""What a training loop gives its optimizer: a posterior's own parameters never decay."""

from typing import Any

from torch import nn

from tinybayes.bayes.posteriors import Posterior


def parameter_groups(module: nn.Module, weight_decay: float = 0.0) -> list[dict[str, Any]]:
    """Two groups of trainable parameters for any torch optimizer: what may decay, and what belongs to posteriors.

    ``weight_decay`` goes to the first: the locations of the weights, biases and all other parameters. The second has
    whatever stands beside a weight - log variances, log alphas, scales of groups and layers - and no decay, for that
    pulls a logarithm of a variance towards 0, a variance of 1, which no prior asks for. It is empty for a plain module.
    Parameters that are frozen are in neither. Learning rates of their own go into the dictionaries under ``"lr"``.
    """
    held = {id(p) for part in module.modules() if isinstance(part, Posterior) for p in part.parameters()}
    trainable = [p for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trainable if id(p) not in held], "weight_decay": weight_decay},
        {"params": [p for p in trainable if id(p) in held], "weight_decay": 0.0},
    ]
