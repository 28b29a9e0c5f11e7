"""Recurrent layers from torch: what is read of them, how series lie, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.frontend.recurrent_modules import RECURRENT_MODULES, build_recurrent
from tinybayes.bayes import posterior_mean, sparsify
from tinybayes.errors import UnsupportedError
from tinybayes.frontend import fake_quantized, import_module
from tinybayes.ir import Concat, Recurrent
from tinybayes.passes import fold_batchnorm, to_integer
from tinybayes.passes.last_states import keep_last_states
from tinybayes.reference import dequantize_output, execute, quantize_input, scaled_input
from tinybayes.tbn import dumps, loads


def outputs(module, x):
    return module(x).detach().numpy()


@pytest.mark.parametrize("name", RECURRENT_MODULES)
def test_a_float_graph_computes_what_torch_does(name):
    module, shape = build_recurrent(name)
    x = torch.randn(5, *shape)
    graph = import_module(module, x)
    for same in (graph, fold_batchnorm(graph), keep_last_states(fold_batchnorm(graph))):
        got = execute(same, scaled_input(same, x.numpy()))[same.output]
        np.testing.assert_allclose(got, outputs(module, x), atol=1e-5, rtol=1e-5)
    assert graph.channels_last_input == (shape[-1] == 3)


@pytest.mark.parametrize("name", RECURRENT_MODULES)
def test_the_integer_network_follows_torch(name):
    """Within 5 % of the outputs' root mean square, and within 4 codes of the fake-quantised network."""
    module, shape = build_recurrent(name)
    x, fresh = torch.randn(200, *shape), torch.randn(200, *shape)
    real = import_module(module, x)
    wanted = outputs(module, fresh)
    for bits in (8, 16):
        graph = to_integer(real, x.numpy(), recurrent_bits=bits)
        got = dequantize_output(graph, execute(graph, quantize_input(graph, fresh.numpy()))[graph.output])
        assert np.sqrt(np.mean((got - wanted) ** 2) / np.mean(wanted**2)) < 0.05
        simulated = fake_quantized(graph)(fresh).numpy()
        assert np.abs(simulated - got).max() <= 4 * graph.output_tensor.scale
        assert dumps(loads(dumps(graph))) == dumps(graph)


def test_only_the_last_states_are_written_where_only_they_are_read():
    module, shape = build_recurrent("last_state_gru")
    x = torch.randn(9, *shape)
    graph = to_integer(import_module(module, x), x.numpy())
    assert [node.op for node in graph.nodes] == ["conv", "gru", "gru", "linear"]
    assert [node.last_only for node in graph.nodes if isinstance(node, Recurrent)] == [False, True]
    assert [node.name for node in graph.nodes] == ["conv", "rnn", "rnn.gru_2", "head"]


def test_both_directions_are_copied_side_by_side():
    """Their states have one grid, so that no bit is lost; nothing is transposed, and what nobody reads is not there."""
    for name, wanted in (
        ("both_directions_lstm", ["lstm", "lstm", "concat", "lstm", "lstm", "concat", "pointwise", "conv"]),
        ("both_ends_lstm", ["conv", "lstm", "lstm", "concat", "linear"]),
    ):
        module, shape = build_recurrent(name)
        x = torch.randn(40, *shape)
        graph = to_integer(import_module(module, x), x.numpy())
        assert [node.op for node in graph.nodes] == wanted
        assert {requant for node in graph.nodes if isinstance(node, Concat) for requant in node.requants} == {None}
        layers = [node for node in graph.nodes if isinstance(node, Recurrent)]
        assert [node.backward for node in layers] == [False, True] * (len(layers) // 2)
        assert all(node.last_only == (name == "both_ends_lstm") for node in layers)


def test_layers_behind_the_last_that_is_read_are_left_out():
    module, shape = build_recurrent("final_states_of_the_first_lstm")
    graph = import_module(module, torch.randn(2, *shape))
    assert [node.op for node in graph.nodes] == ["lstm", "rearrange", "linear"]


def test_what_works_on_single_elements_leaves_a_series_where_it_lies():
    class Elements(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.norm, self.last = nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Linear(6, 2)
            self.register_buffer("weight", torch.rand(6) + 0.5)

        def forward(self, x):
            x = torch.relu(self.first(torch.tanh(x)))
            x = self.norm(x.transpose(1, 2)).transpose(1, 2) * self.weight + 0.5
            x = torch.dropout(x + torch.tanh(x) * torch.softmax(x, -1), 0.1, False)
            return self.last(x.relu_())

    torch.manual_seed(5)
    module, x = Elements().eval(), torch.randn(30, 7, 3)
    graph = import_module(module, x)
    got = execute(graph, scaled_input(graph, x.numpy()))[graph.output]
    np.testing.assert_allclose(got, outputs(module, x), atol=1e-5)
    assert not [node.name for node in graph.nodes if node.op == "rearrange"]


def test_a_network_made_sparse_by_its_posterior_compiles():
    module, shape = build_recurrent("last_state_lstm")
    plain = posterior_mean(sparsify(module)).eval()
    with torch.no_grad():
        for weight in (plain.rnn.weight_ih_l0, plain.rnn.weight_hh_l0, plain.rnn.weight_hh_l1):
            weight[torch.rand_like(weight) < 0.8] = 0.0
    x = torch.randn(50, *shape)
    graph = to_integer(import_module(plain, x), x.numpy())
    layers = [node for node in graph.nodes if isinstance(node, Recurrent)]
    assert layers[0].from_state.nonzero == int(plain.rnn.weight_hh_l0.count_nonzero())
    assert layers[1].from_state.nonzero <= int(plain.rnn.weight_hh_l1.count_nonzero())


class _OnSeries(nn.Module):
    def __init__(self, function, **options):
        super().__init__()
        self.rnn = nn.GRU(3, 4, **{"batch_first": True, **options})
        self.function = function

    def forward(self, x):
        return self.function(self.rnn, x)


def test_any_part_of_the_series_can_be_read():
    class Parts(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(3, 4, batch_first=True)
            self.head = nn.Linear(8, 2)

        def forward(self, x):
            states, final = self.rnn(x)
            return self.head(states[:, 1:3].flatten(1)) + self.head(torch.cat([final[-1], states[:, 0]], 1))

    module, x = Parts().eval(), torch.randn(6, 5, 3)
    graph = import_module(module, x)
    got = execute(graph, scaled_input(graph, x.numpy()))[graph.output]
    np.testing.assert_allclose(got, outputs(module, x), atol=1e-5)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (lambda r, x: r(x, torch.ones(1, x.size(0), 4))[0], {}, r"aten.ones is not supported"),
        (lambda r, x: r(x)[1].relu()[0], {}, r"takes the final states of all layers; take those of one first"),
        (lambda r, x: r(x)[1].transpose(0, 1)[:, 0], {}, r"takes the final states of all layers"),
        (lambda r, x: r(x)[1].squeeze(0), {"num_layers": 2}, r"of 2 layers is not supported: take one layer"),
    ],
)  # fmt: skip
def test_refusals_say_where_and_what(function, options, message):
    with pytest.raises(UnsupportedError, match=message):
        import_module(_OnSeries(function, **options).eval(), torch.zeros(1, 5, 3))


@pytest.mark.parametrize(
    ("function", "batch_first", "message"),
    [
        (lambda r, x: r(x)[0], False, r"whose batch is the first dimension. Use .* or transpose\(0, 1\)"),
        (lambda r, x: r(x.transpose(0, 1))[0], True, r"whose batch is the second dimension, so batch_first must be"),
        (lambda r, x: r(x.transpose(0, 1))[0], False, r"leaves a network whose batch is the second dimension"),
        (lambda r, x: r(x.transpose(0, 1))[0].relu()[-1], False, r"relu.*batch is the second.*take one position"),
        (lambda r, x: r(x.transpose(0, 1))[0][:, 0], False, r"of the batch is not supported"),
        (lambda r, x: r(x)[0].permute(1, 2, 0), True, r"to \[1, 2, 0\] is not supported: the batch must be the first"),
    ],
)  # fmt: skip
def test_where_the_batch_may_be(function, batch_first, message):
    with pytest.raises(UnsupportedError, match=message):
        import_module(_OnSeries(function, batch_first=batch_first).eval(), torch.zeros(4, 5, 3))


def test_projections_are_refused():
    module = _OnSeries(lambda r, x: r(x)[0])
    module.rnn = nn.LSTM(3, 4, batch_first=True, proj_size=2)
    with pytest.raises(UnsupportedError, match="with 5 parameters for 1 layers is not supported: use proj_size=0"):
        import_module(module.eval(), torch.zeros(1, 5, 3))
