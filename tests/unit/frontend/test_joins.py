"""Branches from torch: what they compute in float, in integers, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.unit.frontend.residual import residual
from tinybayes.errors import UnsupportedError
from tinybayes.frontend import import_module
from tinybayes.frontend.fake_quant import fake_quantized
from tinybayes.ir import Add, Concat, Requantize
from tinybayes.passes import to_integer
from tinybayes.reference import dequantize_output, execute, quantize_input, scaled_input
from tinybayes.tbn import dumps, loads


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        torch.manual_seed(1)
        self.a, self.b = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.function(self.a(x), self.b(x))


def floats(module, x):
    """The imported float network on ``x``, as torch lays it out."""
    graph = import_module(module, x)
    got = execute(graph, scaled_input(graph, x.numpy()))[graph.output]
    return np.moveaxis(got, -1, 1)


def in_place(a, b):
    a += b
    b.relu_()
    return a.relu_() - b


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: a + b,
        lambda a, b: torch.add(a, b, alpha=-0.5),
        lambda a, b: a - F.relu(b),
        lambda a, b: a * b + a,
        lambda a, b: a.mean((2, 3), keepdim=True) + b,
        lambda a, b: a * torch.sigmoid(F.adaptive_avg_pool2d(b, 1)),
        lambda a, b: torch.cat([a, b, a], dim=1),
        lambda a, b: torch.cat([a, b], dim=2),
        lambda a, b: torch.cat([a, b], dim=-1),
        in_place,
        lambda a, b: F.pad(a, (1, 2)) + F.pad(b, (3, 0)),
        lambda a, b: F.pad(a, (0, 0, 1, 2, 0, 1), value=-1.5),
        lambda a, b: 2 * F.relu(a) - 0.5,
        lambda a, b: (1 - torch.sigmoid(b)) * a / -3,
        lambda a, b: torch.cat([a, b], 1) * -1.5,
    ],
)
def test_float_networks_compute_what_torch_does(function):
    module, x = Calls(function).eval(), torch.randn(3, 2, 6, 5)
    with torch.no_grad():
        np.testing.assert_allclose(floats(module, x), module(x).numpy(), rtol=1e-4, atol=1e-5)


def test_an_input_that_is_read_twice_keeps_its_scale():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(2, 2, 1)

        def forward(self, x):
            return self.layer(x) + x

    module, x = Scaled().eval(), torch.randn(3, 2, 6, 5)
    with torch.no_grad():
        np.testing.assert_allclose(floats(module, x), module(x).numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a, b: torch.cat([b, a], 0), r"aten.cat along the batch is not supported"),
        (lambda a, b: F.pad(a, (1, 1, 1, 1), mode="reflect"), r"aten.pad with mode='reflect' is not supported"),
        (lambda a, b: F.pad(a, (-1, 1)), r"aten.pad by \[-1, 1\] is not supported"),
        (lambda a, b: a / b, r"aten.div of two computed tensors is not supported"),
    ],
)
def test_what_is_not_supported_says_what_is_wanted(function, message):
    with pytest.raises(UnsupportedError, match=message):
        import_module(Calls(function).eval(), torch.zeros(1, 2, 6, 5))


def test_a_residual_network_stays_close_in_integers():
    module = residual()
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(200, 3, 12, 12, generator=generator)
    graph = to_integer(import_module(module, x), x[:100].numpy())
    assert [type(node) for node in graph.nodes].count(Add) == 2
    codes = execute(graph, quantize_input(graph, x.numpy()))[graph.output]
    with torch.no_grad():
        wanted, fake = module(x).numpy(), fake_quantized(graph)(x).numpy()
    got = dequantize_output(graph, codes)
    error = float(np.sqrt(np.mean((got - wanted) ** 2)) / wanted.std())
    assert error < 0.1, error
    assert float((got.argmax(1) == wanted.argmax(1)).mean()) > 0.93
    # The real arithmetic on the same grids differs only where a value lies next to the border of two codes.
    assert float(np.abs(got - fake).max()) <= 6 * graph.output_tensor.scale
    again = loads(dumps(graph))
    np.testing.assert_array_equal(execute(again, quantize_input(again, x.numpy()))[again.output], codes)


def test_what_only_a_concatenation_reads_is_made_on_its_grid_and_copied():
    module = Calls(lambda a, b: torch.cat([F.relu(a), b], 1)).eval()
    x = torch.randn(40, 2, 6, 5)
    graph = to_integer(import_module(module, x), x.numpy())
    joined = next(node for node in graph.nodes if isinstance(node, Concat))
    assert joined.requants == (None, None)
    assert {graph.tensors[name].scale for name in joined.inputs} == {graph.tensors[joined.output].scale}
    shared = Calls(lambda a, b: torch.cat([a, b], 1) + torch.cat([b, a], 1)).eval()
    graph = to_integer(import_module(shared, x), x.numpy())
    assert all(None not in node.requants for node in graph.nodes if isinstance(node, Concat))


def test_constants_behind_a_concatenation_stay_close_in_integers():
    class Normed(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(2)
            self.a, self.b, self.norm = nn.Conv2d(2, 4, 3), nn.Conv2d(2, 3, 3), nn.BatchNorm2d(7)
            self.gain = nn.Parameter(torch.linspace(-3, 3, 7).reshape(7, 1, 1))
            self.last = nn.Conv2d(7, 4, 1)

        def forward(self, x):
            return self.last(F.relu(self.norm(torch.cat([F.relu(self.a(x)), self.b(x)], 1)) * self.gain + 0.25))

    module, x = Normed(), torch.randn(60, 2, 6, 5)
    module(x)
    module.eval()
    graph = to_integer(import_module(module, x), x.numpy())
    assert [node.op for node in graph.nodes].count("affine") == 3
    codes = execute(graph, quantize_input(graph, x.numpy()))[graph.output]
    with torch.no_grad():
        wanted, fake = module(x).numpy(), fake_quantized(graph)(x).numpy()
    got = dequantize_output(graph, codes)
    assert float(np.sqrt(np.mean((np.moveaxis(got, -1, 1) - wanted) ** 2)) / wanted.std()) < 0.05
    assert float(np.abs(got - fake).max()) <= 3 * graph.output_tensor.scale
    again = loads(dumps(graph))
    np.testing.assert_array_equal(execute(again, quantize_input(again, x.numpy()))[again.output], codes)


def test_constants_around_a_map_stay_close_in_integers():
    module = Calls(lambda a, b: F.relu(F.pad(F.pad(F.relu(a), (1, 0, 0, 2)), (0, 2), value=-0.4) + 0.5)).eval()
    x = torch.randn(40, 2, 6, 5)
    graph = to_integer(import_module(module, x), x.numpy())
    codes = execute(graph, quantize_input(graph, x.numpy()))[graph.output]
    got = dequantize_output(graph, codes)
    with torch.no_grad():
        wanted, fake = module(x).numpy(), fake_quantized(graph)(x).numpy()
    assert np.abs(np.moveaxis(got, -1, 1) - wanted).max() < 0.03 * np.abs(wanted).max()
    assert float(np.abs(got - fake).max()) <= 2 * graph.output_tensor.scale
    again = loads(dumps(graph))
    np.testing.assert_array_equal(execute(again, quantize_input(again, x.numpy()))[again.output], codes)


def test_a_relu_on_a_branch_leaves_the_other_branch_alone():
    module = Calls(lambda a, b: F.relu(a) + a).eval()
    x = torch.randn(40, 2, 6, 5)
    graph = to_integer(import_module(module, x), x.numpy())
    assert sum(isinstance(node, Requantize) for node in graph.nodes) == 1
    got = dequantize_output(graph, execute(graph, quantize_input(graph, x.numpy()))[graph.output])
    with torch.no_grad():
        wanted = module(x).numpy()
    assert np.abs(np.moveaxis(got, -1, 1) - wanted).max() < 0.03 * np.abs(wanted).max()
