"""Weight sharing: every surviving weight of a layer takes one of a few levels, and the levels are trained."""

import copy
import math

import torch
from torch import Tensor, nn
from torch.func import functional_call

MAX_LEVELS = 31
GRID = 127


@torch.no_grad()
def cluster(values: Tensor, levels: int, rate: float = 0.0, rounds: int = 100) -> tuple[Tensor, Tensor]:
    """k-means of 1-D ``values`` into at most ``levels`` clusters, initialised linearly over [min, max].

    Linear initialisation, because the rare large weights matter most (Han, Mao and Dally, ICLR 2016, section 3.2). With
    ``rate`` > 0 a value pays for the bits of its cluster, (v - c)^2 + rate * variance * -log2 p(c): the quantiser of
    Chou, Lookabaugh and Gray (1989), constrained in entropy. Returns (centroids float32 ascending, index int64 per
    value); clusters that end up empty are dropped.
    """
    values = values.double()
    centroids = torch.linspace(float(values.min()), float(values.max()), levels, dtype=torch.float64)
    bits = torch.full((levels,), math.log2(levels), dtype=torch.float64)
    price = rate * float(values.var(unbiased=False))
    index = torch.full_like(values, -1, dtype=torch.int64)
    for _ in range(rounds):
        cost = (values[:, None] - centroids) ** 2 + price * bits
        nearest = cost.argmin(dim=1)
        if torch.equal(nearest, index):
            break
        index = nearest
        count = torch.bincount(index, minlength=len(centroids)).double()
        total = torch.zeros_like(centroids).index_add_(0, index, values)
        centroids = torch.where(count > 0, total / count.clamp(min=1), centroids)
        bits = -torch.log2(count.clamp(min=1e-3) / len(values))
    used, index = torch.unique(index, return_inverse=True)
    order = torch.argsort(centroids[used])
    return centroids[used][order].float(), torch.argsort(order)[index]


def snap_to_grid(levels: Tensor) -> Tensor:
    """``levels`` moved to the nearest integer multiple of max|level| / 127: each equals float32(scale) * integer."""
    scale = levels.abs().max() / GRID
    return scale * torch.round(levels / scale) if float(scale) > 0 else levels


class SharedNetwork(nn.Module):
    """A network whose weights are looked up in one small table a layer; the tables and the biases train.

    ``levels{n}`` has a slot for each level (a parameter) and ``index{n}`` says which slot a weight reads, -1 for zero.
    The gradient of a level is the sum of its weights' gradients (Han et al. 2016, eq. 3), which is what autograd makes
    of a look-up.
    """

    def __init__(self, network: nn.Module, levels: int, rate: float = 0.0) -> None:
        super().__init__()
        if not 1 <= levels <= MAX_LEVELS:
            raise ValueError(f"levels must be 1 to {MAX_LEVELS}, got {levels}")
        self.network = copy.deepcopy(network)
        self._names: list[str] = []
        for name, layer in self.network.named_modules():
            if type(layer) in (nn.Linear, nn.Conv1d, nn.Conv2d):
                weight = layer.get_parameter("weight").requires_grad_(False)
                number = len(self._names)
                self._names.append(f"{name}.weight" if name else "weight")
                table, index = _shared(weight, levels, rate)
                self.register_parameter(f"levels{number}", nn.Parameter(table))
                self.register_buffer(f"index{number}", index)

    def weights(self) -> dict[str, Tensor]:
        """Every shared weight by its parameter name, with gradient to the levels."""
        looked_up = {}
        for number, name in enumerate(self._names):
            table = nn.functional.pad(self.get_parameter(f"levels{number}"), (1, 0))
            looked_up[name] = table[self.get_buffer(f"index{number}") + 1]
        return looked_up

    def forward(self, x: Tensor) -> Tensor:
        """The wrapped network with its weights looked up."""
        return functional_call(self.network, self.weights(), (x,))  # type: ignore[no-any-return] # it is untyped

    @torch.no_grad()
    def plain(self) -> nn.Module:
        """A copy of the wrapped network with the levels, snapped to a grid of 127 steps a sign, in its weights."""
        network = copy.deepcopy(self.network)
        for number, name in enumerate(self._names):
            table = nn.functional.pad(snap_to_grid(self.get_parameter(f"levels{number}")), (1, 0))
            network.get_parameter(name).copy_(table[self.get_buffer(f"index{number}") + 1])
        return network.eval()


@torch.no_grad()
def _shared(weight: Tensor, levels: int, rate: float) -> tuple[Tensor, Tensor]:
    alive = weight != 0
    table = torch.zeros(levels)
    index = torch.full(weight.shape, -1, dtype=torch.int64)
    if alive.any():
        centroids, nearest = cluster(weight[alive], levels, rate)
        table[: len(centroids)] = centroids
        index[alive] = nearest
    return table, index
