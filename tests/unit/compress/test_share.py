"""Weight sharing: clusters, the gradient of a level, and the integer grid of the result."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tinybayes import tbn
from tinybayes.compress import (
    MAX_LEVELS,
    SharedNetwork,
    cluster,
    estimated_bytes,
    han_sizes,
    prune_by_deviation,
    snap_to_grid,
    weight_counts,
    weight_names,
)
from tinybayes.compress.share import nearest
from tinybayes.frontend import import_module
from tinybayes.passes import to_integer
from tinybayes.plan import make_plan


def sparse_network() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    with torch.no_grad():
        for layer in (network[0], network[3]):
            layer.weight.mul_(torch.rand_like(layer.weight) < 0.4)
    return network


def test_clusters_are_found_from_linear_starts():
    values = torch.tensor([-1.0, -1.1, -0.9, 0.5, 0.6, 3.0])
    centroids, index = cluster(values, 3)
    assert centroids.tolist() == pytest.approx([-1.0, 0.55, 3.0])
    assert index.tolist() == [0, 0, 0, 1, 1, 2]


def test_a_rare_extreme_keeps_a_level_of_its_own():
    values = torch.cat([torch.linspace(-0.1, 0.1, 1000), torch.tensor([5.0])])
    centroids, index = cluster(values, 8)
    assert centroids[-1].item() == pytest.approx(5.0)
    assert (index == index[-1]).sum() == 1


def test_a_price_on_bits_lowers_the_entropy():
    torch.manual_seed(0)
    values = torch.randn(4000)
    entropy = []
    for rate in (0.0, 0.05, 0.5):
        _, index = cluster(values, 15, rate)
        share = torch.bincount(index) / len(values)
        entropy.append(float(-(share * share.log2()).sum()))
    assert entropy[0] > entropy[1] + 0.1
    assert entropy[1] > entropy[2] + 0.1


def test_empty_clusters_are_dropped():
    centroids, index = cluster(torch.tensor([2.0, 2.0, 2.0]), 7)
    assert centroids.tolist() == [2.0]
    assert index.tolist() == [0, 0, 0]


def test_the_gradient_of_a_level_is_the_sum_of_its_weights_gradients():
    network = sparse_network()
    shared, x = SharedNetwork(network, 3), torch.randn(5, 2, 6)
    shared(x).square().sum().backward()
    twin = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    twin.load_state_dict(network.state_dict())
    with torch.no_grad():
        for name, weight in shared.weights().items():
            twin.get_parameter(name).copy_(weight)
    twin(x).square().sum().backward()
    for number, place in enumerate((0, 3)):
        alive, gradient = network[place].weight != 0, twin[place].weight.grad
        index = nearest(shared.get_parameter(f"levels{number}"), network[place].weight.detach())
        sums = [float(gradient[alive & (index == level)].sum()) for level in range(3)]
        assert shared.get_parameter(f"levels{number}").grad.tolist() == pytest.approx(sums, rel=1e-4, abs=1e-4)
        latent = shared.get_parameter(f"latent{number}").grad
        torch.testing.assert_close(latent, torch.where(alive, gradient, 0.0))
        torch.testing.assert_close(shared.network[place].bias.grad, twin[place].bias.grad)


def test_a_weight_reads_the_nearest_level_whatever_their_order():
    table = torch.tensor([2.0, -1.0, 0.5, 0.5])
    assert table[nearest(table, torch.tensor([-9.0, -0.26, -0.24, 0.6, 1.24, 1.26, 7.0]))].tolist() == [
        -1.0, -1.0, 0.5, 0.5, 0.5, 2.0, 2.0
    ]  # fmt: skip
    assert nearest(torch.tensor([3.0]), torch.tensor([-1.0, 5.0])).tolist() == [0, 0]


def test_a_weight_can_move_to_another_level():
    shared = SharedNetwork(sparse_network(), 4)
    before = shared.plain()[3].weight.clone()
    with torch.no_grad():
        shared.latent1.add_(10.0)
    after = shared.plain()[3].weight
    assert torch.equal(after != 0, before != 0)
    assert len(after[after != 0].unique()) == 1


def test_zeros_stay_zero_and_levels_stay_few_through_training():
    network = sparse_network()
    shared = SharedNetwork(network, 5)
    optimizer = torch.optim.Adam([p for p in shared.parameters() if p.requires_grad], lr=0.01)
    for _ in range(10):
        optimizer.zero_grad()
        shared(torch.randn(8, 2, 6)).square().sum().backward()
        optimizer.step()
    plain = shared.plain()
    for place in (0, 3):
        assert ((plain[place].weight == 0) >= (network[place].weight == 0)).all()
        assert len(plain[place].weight[plain[place].weight != 0].unique()) <= 5
        assert not torch.equal(plain[place].weight, network[place].weight)


def test_every_weight_is_exactly_a_scale_times_an_int8():
    plain = SharedNetwork(sparse_network(), 15).plain()
    for place in (0, 3):
        weight = plain[place].weight.detach()
        scale = weight.abs().max() / 127
        whole = torch.round(weight / scale)
        assert whole.abs().max() == 127
        assert torch.equal(weight, scale * whole)


def test_the_grid_holds_for_many_scales():
    torch.manual_seed(0)
    for size in (1e-6, 3e-3, 0.7, 11.0, 4e5):
        snapped = snap_to_grid(size * torch.randn(31), torch.arange(31))
        scale = snapped.abs().max() / 127
        assert torch.equal(snapped, scale * torch.round(snapped / scale))
    assert snap_to_grid(torch.zeros(4), torch.arange(4)).tolist() == [0, 0, 0, 0]
    assert snap_to_grid(torch.randn(4), torch.arange(0)).tolist() == []


def test_a_level_that_no_weight_reads_does_not_set_the_scale():
    assert snap_to_grid(torch.tensor([1000.0, 1.0, 0.5]), torch.tensor([1, 2, 1])).tolist() == pytest.approx(
        [1.0, 64 / 127, 1.0]
    )


def test_a_layer_pruned_to_nothing_or_to_one_weight_is_fine():
    network = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        network[0].weight.zero_()
        network[2].weight.copy_(torch.tensor([[0.0, -0.3]]))
    plain = SharedNetwork(network, 7).plain()
    assert plain[0].weight.count_nonzero() == 0
    assert plain[2].weight.tolist() == [[0.0, pytest.approx(-0.3)]]


def test_weights_that_are_few_levels_already_keep_them():
    network = nn.Sequential(nn.Linear(4, 1, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[127.0, 2.0, 3.0, 2.0]]))
    assert SharedNetwork(network, 3).plain()[0].weight.tolist() == [[127.0, 2.0, 3.0, 2.0]]


def test_eight_bits_of_levels_survive_to_the_file_and_to_a_format_of_the_device():
    torch.manual_seed(0)
    shared = SharedNetwork(nn.Sequential(nn.Linear(60, 50)), 255).plain()
    levels = len(shared[0].weight.unique())
    assert 128 < levels <= 255
    graph = to_integer(import_module(shared, np.zeros((2, 60), np.float32)), np.random.rand(20, 60).astype(np.float32))
    assert len(np.unique(graph.mac_nodes[0].weight)) == levels
    again = tbn.loads(tbn.dumps(graph))
    np.testing.assert_array_equal(again.mac_nodes[0].weight, graph.mac_nodes[0].weight)
    plan = make_plan(again, "flash", "cortex-m4")
    assert "huffman" not in {step.format for step in plan.steps}


@pytest.mark.parametrize("layer", [nn.GRU(5, 4, batch_first=True), nn.LSTM(5, 4, batch_first=True, num_layers=2)])
def test_recurrent_weights_are_shared_priced_and_counted(layer):
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.cells = copy.deepcopy(layer)

        def forward(self, x):
            return self.cells(x)[0][:, -1]

    torch.manual_seed(1)
    network, x = Last(), torch.randn(3, 6, 5)
    names = [name for name, _ in network.named_parameters() if "weight" in name]
    shared = SharedNetwork(network, 3, prunes=True)
    assert list(shared.weights()) == list(shared.layer_bits()) == weight_names(network) == names
    (shared(x).square().sum() + 1e-3 * shared.coded_bits()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in shared.parameters() if p.requires_grad)
    plain = shared.plain()
    assert not torch.equal(plain(x), network(x))
    torch.testing.assert_close(plain(x), shared(x), atol=0.02, rtol=0)
    sizes, total = han_sizes(plain), 0
    for name in names:
        weight = plain.get_parameter(name)
        total += int(weight.count_nonzero())
        assert len(weight[weight != 0].unique()) <= 3
        assert sizes[name].nonzero == int(weight.count_nonzero())
    assert weight_counts(plain) == (total, sum(network.get_parameter(name).numel() for name in names))
    assert estimated_bytes(plain) > total / 8
    pruned = prune_by_deviation(network, 0.9)
    assert weight_counts(pruned.plain())[0] < 0.7 * weight_counts(network)[0]
    assert not torch.equal(pruned(x), network(x))


@pytest.mark.parametrize("levels", [0, MAX_LEVELS + 1])
def test_the_number_of_levels_is_limited(levels):
    with pytest.raises(ValueError, match="levels must be 1 to 255"):
        SharedNetwork(sparse_network(), levels)
