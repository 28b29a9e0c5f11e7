"""Weight sharing: every surviving weight of a layer takes one of a few levels, and the levels are trained."""

import copy
import math

import torch
from torch import Tensor, nn
from torch.func import functional_call

from tinybayes.compress.entropy import coded_bits
from tinybayes.compress.weighted import weight_names

MAX_LEVELS = 255
"""As 8 bits, the most that Han et al. use. On the grid of 8 bits 254 can differ; device Huffman codes take up to 32."""
GRID = 127
_VALUES_AT_ONCE = 1 << 16


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
        # In parts, so that many values and many levels together do not fill the memory.
        parts = values.split(_VALUES_AT_ONCE)
        nearest = torch.cat([((part[:, None] - centroids) ** 2 + price * bits).argmin(dim=1) for part in parts])
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


def snap_to_grid(levels: Tensor, index: Tensor) -> Tensor:
    """``levels[index]`` moved to the nearest integer multiple of their max|value| / 127.

    Each result equals float32(scale) * integer exactly.
    """
    values = levels[index]
    scale = values.abs().max() / GRID if values.numel() else torch.zeros(())
    return scale * torch.round(values / scale) if float(scale) > 0 else values


class SharedNetwork(nn.Module):
    """A network whose weights read one small table a layer; the tables, the biases and what each weight reads train.

    ``levels{n}`` has a slot for each level (a parameter), ``latent{n}`` the weights as they would be without sharing,
    and ``mask{n}`` says which of them are alive. A living weight reads the level nearest to its latent value. The
    gradient of a level is the sum of its weights' gradients (Han et al. 2016, eq. 3); the latent value takes the
    gradient of its weight as it is (straight through, Bengio et al. 2013), so that a weight can move to another level.
    With ``prunes``, a weight whose latent value is nearer to zero than to any level is zero until it moves away.
    """

    def __init__(self, network: nn.Module, levels: int, rate: float = 0.0, *, prunes: bool = False) -> None:
        super().__init__()
        self.prunes = prunes
        if not 1 <= levels <= MAX_LEVELS:
            raise ValueError(f"levels must be 1 to {MAX_LEVELS}, got {levels}")
        self.network = copy.deepcopy(network)
        self._names: list[str] = []
        for number, name in enumerate(weight_names(self.network)):
            weight = self.network.get_parameter(name).requires_grad_(False)
            self._names.append(name)
            table, latent = _shared(weight, levels, rate)
            self.register_parameter(f"levels{number}", nn.Parameter(table))
            self.register_parameter(f"latent{number}", nn.Parameter(latent))
            self.register_buffer(f"mask{number}", weight != 0)

    def weights(self) -> dict[str, Tensor]:
        """Every shared weight by its parameter name, with gradient to the levels and the latent values."""
        looked_up = {}
        for number, name in enumerate(self._names):
            table, latent = self.get_parameter(f"levels{number}"), self.get_parameter(f"latent{number}")
            weight = self._read(table, latent) + (latent - latent.detach())
            looked_up[name] = weight * self.get_buffer(f"mask{number}")
        return looked_up

    def coded_bits(self) -> Tensor:
        """Bits of an ideal code for all shared weights, positions and levels, with gradient to the latent values."""
        bits = list(self.layer_bits().values())
        return torch.stack(bits).sum() if bits else torch.zeros(())

    def layer_bits(self) -> dict[str, Tensor]:
        """:func:`coded_bits` of every shared weight, by its parameter name."""
        bits = {}
        for number, name in enumerate(self._names):
            latent, mask = self.get_parameter(f"latent{number}"), self.get_buffer(f"mask{number}")
            bits[name] = coded_bits(latent[mask], self.get_parameter(f"levels{number}"), latent.numel())
        return bits

    def forward(self, x: Tensor) -> Tensor:
        """The wrapped network with its weights looked up."""
        return functional_call(self.network, self.weights(), (x,))  # type: ignore[no-any-return] # it is untyped

    @torch.no_grad()
    def plain(self) -> nn.Module:
        """A copy of the wrapped network with the levels, snapped to a grid of 127 steps a sign, in its weights."""
        network = copy.deepcopy(self.network)
        for number, name in enumerate(self._names):
            table, latent = self.get_parameter(f"levels{number}"), self.get_parameter(f"latent{number}")
            alive = self.get_buffer(f"mask{number}") & (self._read(table, latent) != 0)
            network.get_parameter(name).zero_()[alive] = snap_to_grid(table, nearest(table, latent)[alive])
        return network.eval()

    def _read(self, table: Tensor, latent: Tensor) -> Tensor:
        """The level that each latent value reads, with gradient to the table."""
        level = table[nearest(table, latent)]
        return torch.where(latent.abs() < (latent - level).abs(), 0.0, level) if self.prunes else level


@torch.no_grad()
def nearest(table: Tensor, values: Tensor) -> Tensor:
    """The slot of ``table`` (in any order) whose level is nearest to each of ``values``."""
    ordered, slots = table.sort()
    return slots[torch.bucketize(values, (ordered[1:] + ordered[:-1]) / 2)]


@torch.no_grad()
def _shared(weight: Tensor, levels: int, rate: float) -> tuple[Tensor, Tensor]:
    """The table of levels and the latent weights, which start at their levels where a bit's price moved them.

    Weights that are few levels already keep them.
    """
    alive = weight != 0
    if not alive.any():
        return torch.zeros(levels), weight.clone()
    distinct = weight[alive].unique()
    if len(distinct) <= levels:
        return torch.cat([distinct, distinct[-1:].expand(levels - len(distinct))]), weight.detach().clone()
    centroids, index = cluster(weight[alive], levels, rate)
    table = torch.cat([centroids, centroids[-1:].expand(levels - len(centroids))])
    latent = weight.detach().clone()
    moved = nearest(centroids, latent[alive]) != index
    latent[alive] = torch.where(moved, centroids[index], latent[alive])
    return table, latent
