"""Mean, sum and maximum over any dimensions: what they compute, in which operators, and that nothing is moved."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.frontend.test_pooling import _Calls, imported
from tinybayes.errors import UnsupportedError
from tinybayes.frontend import fake_quantized, import_module
from tinybayes.ir import AveragePool, Conv, Flatten, Linear, MaxPool, Rearrange
from tinybayes.passes import to_integer
from tinybayes.plan import make_plan
from tinybayes.reference import dequantize_output, execute, quantize_input
from tinybayes.tbn import dumps, loads


@pytest.mark.parametrize(
    ("shape", "kind", "dims", "keepdim"),
    [
        ((7,), "mean", 1, False),
        ((3, 5), "amax", 1, False),
        ((3, 5), "sum", -1, True),
        ((3, 5), "mean", (1, 2), False),
        ((2, 4, 5), "mean", 1, False),
        ((2, 4, 5), "amax", 1, True),
        ((2, 4, 5), "sum", 2, False),
        ((2, 4, 5), "amax", -1, False),
        ((2, 4, 5), "mean", (1, 2), False),
        ((2, 4, 5), "sum", (1, 3), False),
        ((2, 4, 5), "amax", (1, 2, 3), True),
        ((4, 1, 3), "mean", (2, 3), False),
        ((1, 6, 2), "sum", 1, False),
    ],
)
def test_float_networks_compute_what_torch_does(shape, kind, dims, keepdim):
    graph = imported(lambda x: getattr(torch.relu(x * 2), kind)(dims, keepdim=keepdim), *shape)
    moved = [node for node in graph.nodes if isinstance(node, Rearrange)]
    assert all(node.renames(graph.tensors[node.input].elements) for node in moved[:1])
    pools = [node for node in graph.nodes if isinstance(node, AveragePool | MaxPool)]
    assert [type(node) for node in pools] == [MaxPool if kind == "amax" else AveragePool]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.max(1).values.flatten(1),
        lambda x: x.max(dim=2, keepdim=True)[0],
        lambda x: torch.mean(x, dim=-1),
        lambda x: x.mean((1, 2, 3)),
        lambda x: x.transpose(1, 2).amax(1),
        lambda x: x.flatten(1).mean(1, keepdim=True),
        lambda x: x.flatten(2).mean(1),
        lambda x: x[:, 1:, ::2].sum((1, 3)),
        lambda x: x.mean(1, keepdim=True).amax((2, 3)),
        lambda x: x.permute(0, 3, 1, 2).mean(3).relu_(),
    ],
)
def test_views_and_reductions_go_together(function):
    imported(function, 4, 6, 5)


def test_kept_and_reduced_may_alternate():
    imported(lambda x: x.reshape(-1, 2, 3, 4, 2, 5).amax((2, 4)).flatten(1), 240)
    with pytest.raises(UnsupportedError, match=r"dimensions \[1, 3, 5\] of \(batch, 2, 3, 4, 2, 5\) .* one dimension"):
        imported(lambda x: x.reshape(-1, 2, 3, 4, 2, 5).amax((1, 3, 5)).flatten(1), 240)


class Attention(nn.Module):
    """Means and maxima over channels weigh positions; then over height, over features, over time."""

    def __init__(self):
        super().__init__()
        self.conv, self.gate = nn.Conv2d(2, 8, 3), nn.Conv2d(2, 3, 3, padding=1)
        self.series, self.head = nn.Linear(3, 6), nn.Linear(6, 4)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        seen = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        columns = torch.sigmoid(self.gate(seen)).sum(2)
        series = torch.tanh(self.series(columns.transpose(1, 2)))
        return torch.cat([self.head(series.mean(1)), series.amax((1, 2)).unsqueeze(1)], 1)


def test_integer_networks_follow_torch():
    torch.manual_seed(2)
    module, x = Attention().eval(), torch.randn(200, 2, 9, 8)
    graph = to_integer(import_module(module, x), x.numpy())
    codes = execute(graph, quantize_input(graph, x.numpy()))[graph.output]
    with torch.no_grad():
        wanted, fake = module(x).numpy(), fake_quantized(graph)(x).numpy()
    got = dequantize_output(graph, codes)
    assert float(np.sqrt(np.mean((got - wanted) ** 2)) / wanted.std()) < 0.05
    assert float(np.abs(got - fake).max()) <= 4 * graph.output_tensor.scale
    again = loads(dumps(graph))
    np.testing.assert_array_equal(execute(again, quantize_input(again, x.numpy()))[again.output], codes)
    np.testing.assert_array_equal(fake_quantized(again)(x).detach().numpy(), fake)
    ops = [step.op for step in make_plan(graph).steps]
    assert ops.count("average_pool") + ops.count("max_pool") == 5
    assert "rearrange" not in ops


def test_a_global_mean_is_still_fused_with_its_convolution():
    class Global(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(2, 4, 3), nn.Linear(4, 3)

        def forward(self, x):
            return self.head(self.conv(x).relu().mean((2, 3)))

    x = torch.randn(40, 2, 6, 6)
    graph = import_module(Global().eval(), x)
    assert [type(node) for node in graph.nodes if node.op != "relu"] == [Conv, AveragePool, Flatten, Linear]
    steps = make_plan(to_integer(graph, x.numpy())).steps
    assert [step.op for step in steps] == ["conv", "linear"]


def test_sums_may_be_larger_than_what_they_are_of():
    """The scale of a sum is its own: 400 numbers near 1 add up to near 400, within a code."""
    module, x = _Calls(lambda x: x.sum(1)).eval(), torch.rand(50, 400) + 0.5
    graph = to_integer(import_module(module, x), x.numpy())
    got = dequantize_output(graph, execute(graph, quantize_input(graph, x.numpy()))[graph.output])
    assert np.abs(got.reshape(-1) - x.sum(1).numpy()).max() < 2 * graph.output_tensor.scale
