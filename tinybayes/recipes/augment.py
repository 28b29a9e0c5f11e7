"""Random changes of training inputs that leave the label as it is."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tinybayes.recipes.knobs import Knobs


@dataclass(frozen=True)
class Augmentation:
    """Noise, channel gains and image shifts as the knobs ask; called on a batch, returns a batch of the same shape."""

    deviation: Tensor
    noise: float
    gain_jitter: float
    shift_pixels: int
    rotation: float

    @classmethod
    def fitted(cls, x: Tensor, knobs: Knobs) -> "Augmentation":
        """Noise is in units of the standard deviation of each channel of ``x`` (samples, channels, ...)."""
        axes = [0, *range(2, x.ndim)]
        deviation = x[:4096].std(dim=axes, keepdim=True)
        return cls(deviation, knobs.noise, knobs.gain_jitter, knobs.shift_pixels, knobs.rotation)

    def __call__(self, x: Tensor) -> Tensor:
        """Augment ``x`` (batch, channels, ...)."""
        if self.rotation > 0:
            x = _rotated(x, self.rotation)
        if self.gain_jitter > 0:
            x = x * (1 + self.gain_jitter * torch.randn(x.shape[0], x.shape[1], *[1] * (x.ndim - 2)))
        if self.noise > 0:
            x = x + self.noise * self.deviation * torch.randn_like(x)
        return _shifted(x, self.shift_pixels) if self.shift_pixels else x


def _rotated(x: Tensor, deviation: float) -> Tensor:
    """Turn acceleration and angular rate, channels 0 to 2 and 3 to 5, as one rigid sensor (Rodrigues' formula)."""
    turn = deviation * torch.randn(len(x), 3)
    angle = turn.norm(dim=1)[:, None, None]
    axis = turn / angle[:, 0]
    zero = torch.zeros(len(x))
    a, b, c = axis.unbind(1)
    cross = torch.stack([zero, -c, b, c, zero, -a, -b, a, zero], 1).reshape(-1, 3, 3)
    matrix = torch.eye(3) + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)
    return torch.cat([matrix @ x[:, :3], matrix @ x[:, 3:]], dim=1)


def _shifted(x: Tensor, most: int) -> Tensor:
    batch, _, height, width = x.shape
    padded = F.pad(x, (most, most, most, most))
    down, right = torch.randint(0, 2 * most + 1, (2, batch))
    rows = (down[:, None] + torch.arange(height))[:, None, :, None]
    columns = (right[:, None] + torch.arange(width))[:, None, None, :]
    samples = torch.arange(batch)[:, None, None, None]
    channels = torch.arange(x.shape[1])[None, :, None, None]
    return padded[samples, channels, rows, columns]
