"""Augmentation changes what it says and nothing else."""

import dataclasses

import pytest
import torch

from tinybayes.recipes import Knobs
from tinybayes.recipes.augment import Augmentation

PLAIN = Knobs()


def augmentation(x: torch.Tensor, **knobs: float) -> Augmentation:
    return Augmentation.fitted(x, dataclasses.replace(PLAIN, **knobs))


def test_without_knobs_nothing_changes():
    x = torch.randn(3, 6, 20)
    assert augmentation(x)(x) is x


def test_noise_is_in_units_of_each_channels_deviation():
    torch.manual_seed(0)
    x = torch.randn(500, 2, 50) * torch.tensor([1.0, 30.0])[:, None]
    change = augmentation(x, noise=0.1)(x) - x
    assert change.std((0, 2)).tolist() == pytest.approx([0.1, 3.0], rel=0.05)


def test_gain_is_one_number_a_channel_of_a_sample():
    torch.manual_seed(0)
    x = torch.rand(400, 3, 10) + 1
    gain = augmentation(x, gain_jitter=0.2)(x) / x
    assert (gain.std(2) < 1e-5).all()
    assert gain[:, :, 0].std().item() == pytest.approx(0.2, rel=0.1)


def test_rotation_turns_both_sensors_alike_and_keeps_lengths():
    torch.manual_seed(0)
    x = torch.randn(50, 3, 10).repeat(1, 2, 1)
    turned = augmentation(x, rotation=0.3)(x)
    torch.testing.assert_close(turned[:, :3], turned[:, 3:])
    torch.testing.assert_close(turned[:, :3].norm(dim=1), x[:, :3].norm(dim=1))
    assert (turned - x).abs().mean() > 0.1
    inner = (turned[:, :3, 0] * turned[:, :3, 1]).sum(1)
    torch.testing.assert_close(inner, (x[:, :3, 0] * x[:, :3, 1]).sum(1), rtol=1e-4, atol=1e-5)


def test_shifts_move_the_image_and_fill_with_zeros():
    torch.manual_seed(0)
    x = torch.rand(60, 1, 5, 5) + 1
    seen = set()
    for before, after in zip(x, augmentation(x, shift_pixels=1)(x), strict=True):
        padded = torch.nn.functional.pad(before, (1, 1, 1, 1))
        moves = [(i, j) for i in range(3) for j in range(3) if torch.equal(padded[:, i : i + 5, j : j + 5], after)]
        assert len(moves) == 1
        seen |= set(moves)
    assert len(seen) == 9
