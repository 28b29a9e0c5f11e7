"""Which parameters of a network are weights: what is pruned, shared and coded."""

from torch import nn

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.GRU, nn.LSTM)
"""Layers whose matrices and kernels are compressed; those that :func:`tinybayes.bayes.sparsify` knows."""


def weight_names(module: nn.Module) -> list[str]:
    """Parameter names of the matrices and kernels of a plain network, in its order; biases and norms are left out.

    A recurrent layer has two a direction and level, of the input and of the hidden state (and an LSTM with a projection
    one more).
    """
    return [
        f"{layer_name}.{name}" if layer_name else name
        for layer_name, layer in module.named_modules()
        if type(layer) in LAYERS
        for name, _ in layer.named_parameters(recurse=False)
        if name.startswith("weight")
    ]
