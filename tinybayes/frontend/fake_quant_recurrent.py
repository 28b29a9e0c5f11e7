"""Recurrent operators of the fake-quantised network: real arithmetic, states and results on their grids."""

import torch
from torch import Tensor

from tinybayes.errors import InternalError
from tinybayes.ir import Graph, Linear, Lstm, Recurrent

_STATE_STEP = 2.0**-15


def recurrent(node: Recurrent, graph: Graph) -> "_Layer":
    """The operator as a function from maps (samples, channels, 1, time) to maps."""
    source, target = graph.tensors[node.input], graph.tensors[node.output]
    read = _STATE_STEP if node.state_bits == 16 else target.scale
    return _Layer(node, _real(node.from_input, source.scale), _real(node.from_state, read), target.scale)


def _real(layer: Linear, scale: float) -> tuple[Tensor, Tensor]:
    """Matrix (rows, columns) and biases (rows,), float64."""
    if layer.weight_scale is None or layer.requant is None:
        raise InternalError(f"{layer.name}: not an integer layer")
    of_rows = torch.from_numpy(layer.weight_scale)
    # The pre-shift rounds down, by (2**pre_shift - 1) / 2 on average: a constant, like the bias.
    lost = (2**layer.requant.pre_shift - 1) / 2
    bias = (torch.from_numpy(layer.bias).double() - lost) * of_rows * scale
    return torch.from_numpy(layer.matrix).double() * of_rows[:, None], bias


class _Layer:
    def __init__(self, node: Recurrent, given: tuple[Tensor, Tensor], fed: tuple[Tensor, Tensor], step: float) -> None:
        self._node, self._given, self._fed, self._step = node, given, fed, step

    def __call__(self, x: Tensor) -> Tensor:
        """Hidden states, channels first; of the last position only where that is all there is."""
        states = torch.zeros(len(x), self._node.units, dtype=torch.float64)
        cells, written = states, []
        positions = range(x.shape[3])
        for position in positions[::-1] if self._node.backward else positions:
            wide = self._node.state_bits == 16
            given = x[:, :, 0, position] @ self._given[0].T + self._given[1]
            fed = (states if wide else self._rounded(states)) @ self._fed[0].T + self._fed[1]
            states, cells = self._update(given, fed, states, cells)
            written.append(self._rounded(states))
        if self._node.last_only:
            return written[-1][:, :, None, None]
        return torch.stack(written[::-1] if self._node.backward else written, dim=2)[:, :, None]

    def _update(self, given: Tensor, fed: Tensor, states: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
        a, b = given.chunk(self._node.gates, dim=1), fed.chunk(self._node.gates, dim=1)
        if isinstance(self._node, Lstm):
            i, f, g, o = (first + second for first, second in zip(a, b, strict=True))
            cells = f.sigmoid() * cells + i.sigmoid() * g.tanh()
            return o.sigmoid() * cells.tanh(), cells
        r, z = ((first + second).sigmoid() for first, second in zip(a[:2], b[:2], strict=True))
        fresh = (a[2] + r * b[2]).tanh()
        return fresh + z * (states - fresh), cells

    def _rounded(self, states: Tensor) -> Tensor:
        return torch.floor(states / self._step + 0.5).clamp(-128, 127) * self._step
