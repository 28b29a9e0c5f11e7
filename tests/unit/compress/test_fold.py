"""Folding BatchNorm changes nothing but the number of layers."""

import pytest
import torch
from torch import nn

from tinybayes.compress import fold_batch_norm
from tinybayes.errors import UnsupportedError


def settle(network: nn.Sequential) -> nn.Sequential:
    torch.manual_seed(0)
    for layer in network:
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (layer.running_mean, layer.weight, layer.bias):
                if tensor is not None:
                    torch.nn.init.normal_(tensor)
            torch.nn.init.uniform_(layer.running_var, 0.1, 4.0)
    return network.eval()


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (nn.Sequential(nn.Conv1d(3, 5, 3, bias=False), nn.BatchNorm1d(5), nn.ReLU()), (4, 3, 9)),
        (nn.Sequential(nn.Conv2d(2, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()), (4, 2, 7, 7)),
        (nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4, affine=False)), (8, 6)),
    ],
    ids=["conv1d without bias", "conv2d", "linear, norm without gain"],
)
def test_outputs_agree_and_no_norm_is_left(network, shape):
    network = settle(network)
    folded = fold_batch_norm(network)
    x = torch.randn(shape)
    torch.testing.assert_close(folded(x), network(x), rtol=1e-4, atol=1e-5)
    assert not any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in folded)
    assert folded[0].bias is not None


def test_zeros_stay_zeros_and_the_original_is_left_alone():
    network = settle(nn.Sequential(nn.Linear(4, 3, bias=False), nn.BatchNorm1d(3)))
    with torch.no_grad():
        network[0].weight[1] = 0
    before = network[0].weight.clone()
    folded = fold_batch_norm(network)
    assert (folded[0].weight[1] == 0).all()
    assert (folded[0].weight[0] != 0).all()
    assert torch.equal(network[0].weight, before)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.BatchNorm1d(3)), "layer 0: BatchNorm1d follows the input"),
        (nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.BatchNorm1d(3)), "layer 2: BatchNorm1d follows ReLU"),
    ],
)
def test_a_norm_with_nothing_to_fold_into_is_named(network, message):
    with pytest.raises(UnsupportedError, match=message):
        fold_batch_norm(network)
