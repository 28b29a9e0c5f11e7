"""Which weights share a group: an int64 tensor shaped as the weight, whose entries number the groups from 0.

A weight has shape (outputs, inputs of one convolution group, *kernel), as torch has it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Grouping = Callable[[Tensor, int, int], Tensor]
"""Numbers the group of each weight, given a weight, the number of convolution groups and that of gates.

Both numbers are 1 for a linear layer. A GRU has 3 gates and an LSTM 4, whose rows of all outputs follow one another.
"""


def by_output(weight: Tensor, convolution_groups: int = 1, gates: int = 1) -> Tensor:
    """One group for each output neuron or channel; a hidden neuron's rows of all gates are one group."""
    del convolution_groups
    outputs = torch.arange(weight.shape[0]) % (weight.shape[0] // gates)
    return outputs.reshape(-1, *[1] * (weight.ndim - 1)).expand(weight.shape)


def by_input(weight: Tensor, convolution_groups: int = 1, gates: int = 1) -> Tensor:
    """One group for each input neuron or channel; a grouped convolution's outputs read inputs of their own group."""
    del gates  # all read the same inputs
    outputs, inputs = weight.shape[:2]
    block = torch.arange(outputs) // (outputs // convolution_groups)
    channel = block[:, None] * inputs + torch.arange(inputs)
    return channel.reshape(outputs, inputs, *[1] * (weight.ndim - 2)).expand(weight.shape)


@dataclass(frozen=True)
class Blocks:
    """Blocks of ``rows`` outputs by ``columns`` weights that lie side by side as the device stores them.

    A kernel row is stored with its channels innermost, (kernel width, channels); no block crosses from one kernel row
    or one convolution group to the next, and blocks at the edges are smaller. 1x4 feeds the DSP cores' dual
    multiply-accumulate, 4x1 shares an activation among four outputs, 1x16 fills a vector of the M55.
    """

    rows: int
    columns: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"a block needs at least one row and one column, got {self.rows} x {self.columns}")

    def __call__(self, weight: Tensor, convolution_groups: int = 1, gates: int = 1) -> Tensor:
        """Number the group of each weight; rows of gates are rows like others."""
        del gates
        outputs, inputs = weight.shape[:2]
        width = weight.shape[-1] if weight.ndim > 2 else 1
        segments = weight[0, 0].numel() // width
        in_group = torch.arange(outputs) % (outputs // convolution_groups)
        row = in_group // self.rows + (torch.arange(outputs) // (outputs // convolution_groups)) * outputs
        column = torch.arange(width)[None, :] * inputs + torch.arange(inputs)[:, None]  # (inputs, width)
        column = column // self.columns
        place = torch.arange(segments)[None, :, None] * (inputs * width) + column[:, None, :]
        number = row[:, None, None, None] * (segments * inputs * width) + place[None]
        group: Tensor = torch.unique(number.reshape(weight.shape), return_inverse=True)[1]
        return group
