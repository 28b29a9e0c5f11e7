"""Windows against torch's, and which of them are of one size."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from tinybayes.errors import UnsupportedError
from tinybayes.frontend import import_module
from tinybayes.ir import AveragePool, AveragePoolSpans, MaxPool, MaxPoolSpans
from tinybayes.passes import quantize
from tinybayes.reference import execute, quantize_input, scaled_input


class _Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def imported(function, *shape):
    x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    module = _Calls(function).eval()
    graph = import_module(module, x)
    got = execute(graph, scaled_input(graph, x.numpy()))[graph.output]
    expected = module(x)
    expected = expected.movedim(1, -1) if expected.ndim > 2 else expected
    np.testing.assert_allclose(got.reshape(expected.shape), expected.numpy(), atol=1e-5)
    return graph


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(3, 12), width=st.integers(3, 12), window=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)), padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    ceil=st.booleans(), include=st.booleans(), largest=st.booleans(),
)  # fmt: skip
def test_windows_are_torchs(height, width, window, stride, padding, ceil, include, largest):
    assume(all(2 * padding[i] <= window[i] <= (height, width)[i] + 2 * padding[i] for i in (0, 1)))
    if largest:
        imported(lambda x: F.max_pool2d(x, window, stride, padding, ceil_mode=ceil), 2, height, width)
    else:
        imported(lambda x: F.avg_pool2d(x, window, stride, padding, ceil, include), 2, height, width)


def test_windows_that_differ_have_a_limit():
    with pytest.raises(UnsupportedError, match="over 1 x 65537 positions is not supported with windows that differ"):
        imported(lambda x: F.max_pool1d(x, 3, 2, 1), 1, 65537)


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 13), outputs=st.integers(1, 13), largest=st.booleans())
def test_adaptive_windows_are_torchs(size, outputs, largest):
    function = F.adaptive_max_pool1d if largest else F.adaptive_avg_pool1d
    imported(lambda x: function(x, outputs), 2, size)


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda x: F.avg_pool2d(x, 3, 2), AveragePool),
        (lambda x: F.avg_pool2d(x, 3, 2, ceil_mode=True), AveragePoolSpans),
        (lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True), AveragePool),
        (lambda x: F.avg_pool2d(x, 3, 2, padding=1), AveragePoolSpans),
        (lambda x: F.max_pool2d(x, 3, 2, padding=1), MaxPoolSpans),
        (lambda x: F.max_pool2d(x, 4, 2, padding=0), MaxPool),
        (lambda x: F.adaptive_avg_pool2d(x, (4, 2)), AveragePool),
        (lambda x: F.adaptive_max_pool2d(x, (3, 5)), MaxPoolSpans),
        (lambda x: x.mean((-1, -2)), AveragePool),
        (lambda x: x.mean(3, keepdim=True), AveragePool),
        (lambda x: x.amax((2, 3)), MaxPool),
        (lambda x: x.sum((2, 3)), AveragePool),
    ],
)
def test_windows_of_one_size_stay_so(function, kind):
    assert type(imported(function, 2, 8, 8).nodes[0]) is kind


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("dims", [(1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3), (-1, 1)])
@pytest.mark.parametrize("kind", [torch.mean, torch.sum, torch.amax])
def test_any_dimensions_can_go(kind, dims, keep):
    imported(lambda x: kind(x, dims, keep), 3, 5, 4)
    imported(lambda x: kind(x.permute(0, 2, 3, 1), dims, keep), 3, 5, 4)


@pytest.mark.parametrize("dim", [1, 2])
def test_dimensions_of_a_series_and_of_a_vector_can_go(dim):
    imported(lambda x: x.max(dim).values, 3, 8)
    imported(lambda x: x.transpose(1, 2).mean(dim, keepdim=True), 3, 8)
    imported(lambda x: x.mean(dim - 1 or 1, keepdim=True), 9)


def test_channels_of_a_map_go_without_moving_it():
    graph = imported(lambda x: x.mean(1, keepdim=True), 3, 5, 4)
    assert [node.op for node in graph.nodes[1:-1]] == ["average_pool"]
    assert all(node.renames(graph.tensors[node.input].elements) for node in (graph.nodes[0], graph.nodes[-1]))


@pytest.mark.parametrize("include", [False, True])
def test_a_mean_of_codes_is_within_a_code(include):
    graph = imported(lambda x: F.avg_pool2d(x, 5, 3, padding=2, ceil_mode=True, count_include_pad=include), 3, 17, 14)
    x = np.random.default_rng(0).normal(size=(200, 3, 17, 14)).astype(np.float32)
    integer = quantize(graph, x)
    codes = quantize_input(integer, x)
    values = execute(integer, codes)
    real = execute(graph, codes.astype(np.float32) * np.float32(integer.input_tensor.scale))[graph.output]
    tensor = integer.output_tensor
    assert np.abs(values[tensor.name] - np.clip(real / tensor.scale, -128, 127)).max() <= 0.55
