"""Slices, transposed and reshaped tensors: what they compute, when nothing moves, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.unit.frontend.test_joins import Calls, floats
from tinybayes.errors import UnsupportedError
from tinybayes.frontend import import_module
from tinybayes.frontend.fake_quant import fake_quantized
from tinybayes.frontend.loops import nested_loops
from tinybayes.ir import Rearrange
from tinybayes.passes import to_integer
from tinybayes.plan import make_plan
from tinybayes.reference import dequantize_output, execute, quantize_input
from tinybayes.tbn import dumps, loads


def shuffled(a, groups=2):
    """Channels of two groups, alternating (Zhang et al., 2018, arXiv:1707.01083, section 3.1)."""
    batch, channels, height, width = a.shape
    return a.view(batch, groups, channels // groups, height, width).transpose(1, 2).reshape(a.shape)


FUNCTIONS = {
    "slice": lambda a, b: a[:, :, 1:5:2, 1:] + b[:, :, :2, :4],
    "channels": lambda a, b: torch.cat([a[:, :2], b[:, 2:]], 1),
    "select": lambda a, b: F.relu(a.select(2, -1)) - b[:, :, 0],
    "narrow": lambda a, b: a.narrow(3, 1, 3) * b.narrow(3, 0, 3),
    "chunk": lambda a, b: torch.mul(*F.relu(a).chunk(2, 1)) + b.chunk(3, 1)[1],
    "split": lambda a, b: torch.cat([*a.split(2, 2), *torch.split(b, [1, 5], 2)[:1]], 2),
    "transpose": lambda a, b: a.transpose(2, 3) + b.permute(0, 1, 3, 2),
    "channels last": lambda a, b: torch.sigmoid(a.permute(0, 2, 3, 1)),
    "shuffle": lambda a, b: shuffled(a) + b,
    "reshape": lambda a, b: torch.tanh(a.reshape(-1, 8, 15)),
    "rows as channels": lambda a, b: F.relu(a.flatten(2)) - b.view(b.shape[0], 4, -1),
    "unsqueeze": lambda a, b: a.select(3, 1).unsqueeze(3) + b[:, :, :, 1:2],
    "one value for each position": lambda a, b: a * b.mean(1, keepdim=True) + b[:, :1],
    "one value for each row": lambda a, b: a - b.amax((1, 3), keepdim=True),
    "rows by columns": lambda a, b: a[:, :, :1] * b[:, :, :, :1],
    "expand": lambda a, b: F.relu(a[:, :1].expand(-1, 4, -1, -1)) - b,
    "squeeze": lambda a, b: F.relu(a[:, :, 2:3]).squeeze(2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float_networks_compute_what_torch_does(name):
    module, x = Calls(FUNCTIONS[name]).eval(), torch.randn(3, 2, 6, 5)
    with torch.no_grad():
        wanted = module(x).numpy()
    np.testing.assert_allclose(floats(module, x).reshape(wanted.shape), wanted, rtol=1e-4, atol=1e-5)


class Tokens(nn.Module):
    """A map as a series of its columns, a convolution over them, and a slice of the end."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 3, padding=1), nn.Conv1d(12, 6, 3, padding=1)
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        columns = F.relu(self.first(x)).flatten(1, 2)
        return self.head(F.relu(self.second(columns))[:, :, -2:].transpose(1, 2).flatten(1))


def test_a_network_with_views_stays_close_in_integers():
    torch.manual_seed(0)
    module, x = Tokens().eval(), torch.randn(200, 1, 4, 9)
    graph = to_integer(import_module(module, x), x.numpy())
    assert sum(isinstance(node, Rearrange) for node in graph.nodes) == 2
    codes = execute(graph, quantize_input(graph, x.numpy()))[graph.output]
    with torch.no_grad():
        wanted, fake = module(x).numpy(), fake_quantized(graph)(x).numpy()
    got = dequantize_output(graph, codes)
    assert float(np.sqrt(np.mean((got - wanted) ** 2)) / wanted.std()) < 0.05
    assert float(np.abs(got - fake).max()) <= 4 * graph.output_tensor.scale
    again = loads(dumps(graph))
    np.testing.assert_array_equal(execute(again, quantize_input(again, x.numpy()))[again.output], codes)


def test_where_memory_order_allows_nothing_moves():
    module = Calls(lambda a, b: torch.tanh(a.unsqueeze(2)[:, :, 0].transpose(2, 3).transpose(3, 2))).eval()
    x = torch.randn(20, 2, 6, 5)
    graph = to_integer(import_module(module, x), x.numpy())
    assert not any(isinstance(node, Rearrange) for node in graph.nodes)
    module = Calls(lambda a, b: torch.tanh(torch.tanh(a[:, :1].flatten(2)).view(-1, 1, 5, 6))).eval()
    graph = to_integer(import_module(module, x), x.numpy())
    rearranged = [node for node in graph.nodes if isinstance(node, Rearrange)]
    assert [node.renames(graph.tensors[node.input].elements) for node in rearranged] == [False, True]
    assert [step.op for step in make_plan(graph).steps].count("rearrange") == 1


def _read_before_and_behind(a, b):
    view = a.transpose(2, 3)
    first = F.max_pool2d(view, 1)
    return F.max_pool2d(view, 1) - first * a.relu_().transpose(2, 3) + F.max_pool2d(view, 1)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a, b: a[1:], r"aten.slice"),
        (lambda a, b: torch.tanh(a.permute(0, 3, 1, 2).reshape(-1, 2, 3, 2, 10).permute(0, 4, 2, 3, 1).flatten(3)),
         r"nested loops"),
        (lambda a, b: a.unsqueeze(0), r"before the batch"),
        (lambda a, b: a[:, :2].relu_() + a[:, 2:], r"in place on a view of a tensor that is read elsewhere"),
        (_read_before_and_behind, r"works in place on a tensor of which a view is read more than once"),
        (lambda a, b: (a[:, :2].relu_(), F.tanh(a))[1], r"aten.relu_ works in place, and nothing reads its result"),
    ],
)  # fmt: skip
def test_what_is_not_supported_says_what_is_wanted(function, message):
    with pytest.raises(UnsupportedError, match=message):
        import_module(Calls(function).eval(), torch.zeros(1, 2, 6, 5))


def test_loops_are_found_where_there_are_some():
    positions = np.arange(60).reshape(3, 4, 5)
    assert nested_loops(positions[1:, ::3, 3].reshape(-1)) == (23, [(2, 20), (2, 15)])
    assert nested_loops(positions.reshape(-1)) == (0, [(60, 1)])
    assert nested_loops(positions[0, 0, ::-1]) is None
    assert nested_loops(np.array([0, 1, 5])) is None
    assert nested_loops(np.array([7])) == (7, [])


def test_a_further_result_that_is_not_computed_is_named():
    with pytest.raises(UnsupportedError, match=r"aten.mul reads the result 2 of aten.max: that is not supported"):
        floats(Calls(lambda a, b: a.max(2, keepdim=True).indices * b).eval(), torch.randn(1, 2, 6, 5))
