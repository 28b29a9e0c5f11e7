import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.frontend.modules import imported
from tinybayes import bayes
from tinybayes.errors import UnsupportedError
from tinybayes.frontend import import_module
from tinybayes.pipeline import load_network
from tinybayes.plan.structure import Taps, groups_of, outputs_of_each_channel, taps_of


def test_parameters_are_counted_without_the_zeros_between_groups():
    module, graph, _ = imported("grouped")
    kept = [tuple(layer.weight.shape) for layer in module.features if isinstance(layer, nn.Conv2d)]
    assert [node.dense_shape for node in graph.mac_nodes] == [(o, h, w, i) for o, i, h, w in kept]
    assert [node.nonzero for node in graph.mac_nodes] == [int(np.prod(shape)) for shape in kept]


def test_groups_and_dilation_are_found_in_the_weights():
    _, graph, _ = imported("grouped")
    first, twice, dilated, mixing = graph.mac_nodes
    assert [groups_of(node) for node in graph.mac_nodes] == [2, 6, 12, 1]
    each = [outputs_of_each_channel(node) for node in (first, twice, dilated, mixing)]
    assert each == [None, 2, 1, None]
    assert (taps_of(twice), taps_of(dilated)) == (Taps(3, 2, 2, 1), Taps(3, 3, 1, 2))


def test_a_channel_alone_is_no_depthwise_convolution():
    graph = import_module(nn.Sequential(nn.Conv1d(1, 4, 3)), torch.zeros(1, 1, 9))
    assert outputs_of_each_channel(graph.mac_nodes[0]) is None


def test_a_sparsified_grouped_network_becomes_integers():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv1d(4, 4, 3, groups=4), nn.ReLU(), nn.Conv1d(4, 6, 3, groups=2, dilation=2), nn.Flatten(),
        nn.Linear(6 * 6, 2),
    )  # fmt: skip
    sparse = bayes.sparsify(module)
    masks = {name: found.mask for name, found in bayes.extract(sparse).items()}
    with torch.no_grad():
        for name, mask in masks.items():
            layer, _, parameter = name.rpartition(".")
            getattr(module.get_submodule(layer), parameter).mul_(mask)
    x = np.random.default_rng(0).standard_normal((16, 4, 12)).astype(np.float32)
    graph = load_network(module.eval(), x)
    assert outputs_of_each_channel(graph.mac_nodes[0]) == 1
    assert groups_of(graph.mac_nodes[1]) == 2


def test_a_kernel_that_spans_too_much_is_refused_before_it_is_written_down():
    layer = nn.Conv1d(64, 64, 2, dilation=40_000)
    with pytest.raises(UnsupportedError, match=r"spans \(1, 40001\) positions, 64 channels and 64 outputs"):
        import_module(nn.Sequential(layer), torch.zeros(1, 64, 40_002))
