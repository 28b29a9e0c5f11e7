import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.unit.frontend.modules import imported
from tinybayes.errors import UnsupportedError, UserError
from tinybayes.frontend import import_callable, import_module
from tinybayes.reference import execute, scaled_input


def test_a_float_graph_computes_what_torch_does(network):
    module, graph, shape = network
    x = torch.randn(5, *shape)
    expected = module(x).detach().numpy()
    got = execute(graph, scaled_input(graph, x.numpy()))[graph.output]
    assert graph.torch_input_shape == shape
    np.testing.assert_allclose(got, expected, atol=1e-4, rtol=1e-4)


def test_layers_are_named_after_modules():
    _, graph, _ = imported("standardized")
    assert [node.name for node in graph.nodes] == [
        "features.0", "features.1", "features.2", "features.3", "features.5", "features.6", "features.7",
        "flatten", "head",
    ]  # fmt: skip
    _, graph, _ = imported("perceptron")
    assert [node.name for node in graph.nodes] == ["flatten.0", "linear.1", "relu.2", "linear.4"]


def test_standardisation_becomes_the_input_scaling():
    module, graph, _ = imported("standardized")
    np.testing.assert_array_equal(graph.input_scaling.mean, module.mean.numpy()[:, 0])
    np.testing.assert_array_equal(graph.input_scaling.std, module.std.numpy()[:, 0])
    _, graph, _ = imported("functional")
    assert graph.input_scaling.mean.tolist() == [0.5, 0.5]
    assert graph.input_scaling.std.tolist() == [2.0, 2.0]
    assert imported("perceptron")[1].input_scaling is None


def test_a_series_is_one_row_and_its_kernel_has_height_one():
    _, graph, _ = imported("standardized")
    second = graph.mac_nodes[1]
    assert second.weight.shape == second.dense_shape == (5, 1, 4, 8)
    assert second.padding == (0, 0, 1, 2)
    assert graph.input_tensor.shape == (32, 6)


def test_a_module_called_twice_gives_two_layers_with_names_of_their_own():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(F.relu(self.fc(x)))

    graph = import_module(Twice(), torch.zeros(1, 4))
    assert [node.name for node in graph.nodes] == ["fc", "relu", "fc.linear_2"]


class _Calls(nn.Module):
    """A module whose forward is ``function`` on what its one convolution gives."""

    def __init__(self, function, layer=None):
        super().__init__()
        self.layer = layer or nn.Conv2d(2, 2, 1)
        self.function = function

    def forward(self, x):
        return self.function(self.layer(x))


@pytest.mark.parametrize(
    ("function", "layer", "message"),
    [
        (torch.erfinv, None, r"outermost module.*aten.erfinv is not supported.*Supported are: linear; conv1d"),
        (lambda x: F.log_softmax(x, 1), None, r"aten.log_softmax is not supported: end the network before it"),
        (lambda x: x.softmax(0), None, r"aten.softmax over dimension 0 is not supported: name a dimension behind"),
        (lambda x: x.flatten(1).argmax(1), None, r"aten.argmax over a flattened map is not supported"),
        (lambda x: x.argmax(), None, r"aten.argmax over dimension None is not supported"),
        (lambda x: x.clamp(2, 1), None, r"aten.clamp between 2.0 and 1.0 is not supported"),
        (nn.PReLU(2), None, r"aten.prelu with 2 slopes is not supported: use one"),
        (lambda x: F.elu(x, alpha=float("inf")), None, r"aten.elu with .*inf.* is not supported"),
        (lambda x: x, nn.ConvTranspose2d(2, 4, 2), r"conv_transpose2d is not supported"),
        (lambda x: F.max_pool2d(x, 2, dilation=2), None, r"dilation=\[2, 2\] is not supported"),
        (lambda x: x.mean(), None, r"aten.mean over dimensions None is not supported: name dimensions"),
        (lambda x: x.amax(dim=(0, 1)), None, r"aten.amax over dimensions \[0, 1\] is not supported: name dimensions"),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=10**6), None, r"divisor_override=1000000 is not supported"),
        (lambda x: x.permute(1, 2, 0, 3), None, r"aten.permute to \[1, 2, 0, 3\] is not supported: the batch must"),
        (lambda x: x.permute(1, 0, 2, 3).relu(), None, r"aten.relu takes a tensor whose batch is the second dimension"),
        (lambda x: x.reshape(-1, 18), None, r"aten.reshape to \(batch, 18\) is not supported: the batch must"),
        (lambda x: x.reshape(x.shape[0], 2, 3, 2, 3, 2).sigmoid(), None, r"of more than 4 dimensions"),
        (lambda x: x.reshape(x.shape[0] * 2, 36), None, r"aten.reshape"),
        (lambda x: x.reshape(x.shape[0] * 2, -1), None, r"aten.reshape gives \(batch, 72\).*program is \(batch, 36\)"),
        (lambda x: (x - x.mean()), None, r"aten.mean over dimensions None is not supported"),
        (lambda x: x.flatten(1), None, r"the output is a flattened map of several channels"),
        (lambda x: x, nn.BatchNorm2d(2), r"'layer' \(BatchNorm2d\).*statistics of the batch.*module.eval\(\)"),
        (lambda x: x, nn.BatchNorm2d(2, track_running_stats=False).eval(), r"statistics"),
        (lambda x: x, nn.Dropout(), r"aten.dropout is in training mode; call module.eval\(\)"),
        (lambda x: (x, x), None, r"2 outputs"),
        (lambda x: x if x.sum() > 0 else -x, None, r"torch.export cannot trace the module"),
        (lambda x: x, nn.Linear(6, 3), r"aten.linear on \(batch, 2, 6, 6\) is not supported: flatten"),
        (lambda x: x, nn.Identity(), r"computes nothing"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named_with_its_place(function, layer, message):
    with pytest.raises(UnsupportedError, match=message):
        import_module(_Calls(function, layer), torch.zeros(1, 2, 6, 6))


@pytest.mark.parametrize("keepdim", [False, True])
def test_argmax_gives_the_number_of_the_channel(keepdim):
    module = _Calls(lambda x: x.argmax(1, keepdim=keepdim), nn.Conv2d(2, 5, 1)).eval()
    x = torch.randn(3, 2, 6, 6)
    graph = import_module(module, x)
    got = execute(graph, scaled_input(graph, x.numpy()))[graph.output]
    assert got.shape == (3, 6, 6, 1)
    np.testing.assert_array_equal(got[..., 0], module(x).reshape(3, 6, 6).numpy())


@pytest.mark.parametrize("function", [lambda x: x.log_softmax(-1).argmax(3), lambda x: x.softmax(3).argmax(-1)])
def test_what_keeps_the_order_is_left_out_in_front_of_argmax(function):
    module, x = _Calls(function, nn.Conv2d(2, 3, 1)).eval(), torch.randn(3, 2, 6, 5)
    graph = import_module(module, x)
    assert [node.op for node in graph.nodes] == ["conv", "rearrange", "argmax"]
    got = execute(graph, scaled_input(graph, x.numpy()))[graph.output]
    np.testing.assert_array_equal(got[..., 0], module(x).numpy())


def test_an_unsupported_operator_is_placed_at_the_line_of_the_users_source():
    with pytest.raises(UnsupportedError, match=r"test_import_module.py line \d+: operator aten.erfinv"):
        import_module(_Calls(torch.erfinv), torch.zeros(1, 2, 6, 6))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_name_their_layer(bad):
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    module[2].weight.data[1, 1] = bad
    with pytest.raises(UnsupportedError, match=r"'2.weight' holds 1 of 8 values that are NaN or infinite"):
        import_module(module, torch.zeros(1, 3))


def test_a_scaling_of_the_input_that_is_not_positive_is_a_layer():
    class Negative(nn.Module):
        def forward(self, x):
            return F.relu(x * -2.0)

    graph = import_module(Negative(), torch.zeros(1, 3))
    assert [node.op for node in graph.nodes] == ["batch_norm", "relu"]
    assert graph.input_scaling is None


def test_a_division_by_zero_is_refused():
    with pytest.raises(UnsupportedError, match=r"aten.div by .* is not supported: wanted finite numbers"):
        import_module(_Calls(lambda x: x / 0.0, None).eval(), torch.zeros(1, 2, 6, 6))


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (None, "needs example inputs"),
        (torch.zeros(2, 3, dtype=torch.int64), r"got torch.int64 of shape \(2, 3\); wanted floating-point"),
        (np.zeros((0, 3), np.float32), r"got torch.float32 of shape \(0, 3\)"),
        (torch.zeros(3), r"of shape \(3,\)"),
    ],
)
def test_example_inputs_of_another_kind_are_refused(example, message):
    with pytest.raises(UserError, match=message):
        import_module(nn.Linear(3, 2), example)


def test_an_example_of_the_wrong_shape_says_which_shape_it_had():
    with pytest.raises(UnsupportedError, match=r"inputs of shape \(samples, 4\)"):
        import_module(nn.Linear(3, 2), np.zeros((5, 4), np.float32))


def test_a_callable_is_found_by_name(tmp_path, monkeypatch):
    (tmp_path / "my_networks_for_test.py").write_text(
        "from torch import nn\ndef tiny():\n    return nn.Sequential(nn.Dropout())\ndef number():\n    return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    assert not import_callable("my_networks_for_test:tiny").training
    for name, message in [
        ("my_networks_for_test:tinny", "no callable 'tinny'. Did you mean 'tiny'"),
        ("my_networks_for_test:number", r"got int from number\(\), wanted a torch.nn.Module"),
        ("no_such_module_here:f", "cannot import 'no_such_module_here'"),
        ("my_networks_for_test", "wanted 'module:callable'"),
    ]:
        with pytest.raises(UserError, match=message):
            import_callable(name)
