"""Bit widths from posterior variances."""

import torch
from torch import nn

from tinybayes.bayes import (
    LogUniform,
    NormalJeffreys,
    by_input,
    extract,
    kl,
    posterior_bits,
    posterior_mean,
    rounded_weights,
    sparsify,
)


def network(weight: float, log2_variance: float) -> nn.Module:
    module = sparsify(nn.Sequential(nn.Linear(3, 2)), LogUniform())
    with torch.no_grad():
        module[0].weight.fill_(weight)
        module[0].posterior().log_sigma2.fill_(log2_variance * 0.6931471805599453)
    return module


def test_significant_bits_count_the_round_offs_above_twice_the_variance():
    # 2 * 2^-7.5 = 2^-6.5 lies below 2^-1 ... 2^-6
    assert posterior_bits(network(1.0, -7.5))["0.weight"].significant_bits == 6
    assert posterior_bits(network(1.0, -60.0))["0.weight"].significant_bits == 23
    assert posterior_bits(network(4.0, 0.5))["0.weight"].significant_bits == 0


def test_the_exponent_spans_the_largest_weight_and_small_networks_have_one_too():
    assert posterior_bits(network(8.0, -9.0))["0.weight"].exponent_bits == 3  # ceil(log2(3 + 1) + 1)
    small = posterior_bits(network(0.125, -12.0))["0.weight"]
    assert small.exponent_bits == 3
    assert small.bits == 1 + 3 + small.significant_bits


def test_pruned_rows_and_columns_do_not_count_and_a_dead_layer_takes_nothing():
    module = network(1.0, -7.5)
    with torch.no_grad():
        module[0].posterior().log_sigma2[0] = 20.0  # a dead output
        module[0].posterior().log_sigma2[:, 2] = 20.0  # and a dead input
    assert posterior_bits(module)["0.weight"].weights == 2
    with torch.no_grad():
        module[0].posterior().log_sigma2.fill_(20.0)
    assert posterior_bits(module)["0.weight"].bits == 0


def test_weights_are_rounded_to_the_nearest_step_of_their_layer():
    module = network(1.0, -7.5)  # 6 bits: steps of 1/64
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.004, -0.26, 0.5], [0.0079, -1.0, 3.3]]))
        module[0].posterior().log_sigma2[0, 2] = 20.0  # pruned
        module[0].posterior().log_sigma2[0, :2] = module[0].posterior().log_sigma2[1, :2]
    bits = posterior_bits(module)["0.weight"].significant_bits
    assert bits == 5  # the pruned weight's variance counts, for its row and its column live: 6 * 5 / 6
    steps = torch.tensor([[32.0, -8.0, 0.0], [0.0, -32.0, 106.0]])
    assert torch.equal(rounded_weights(module)["0.weight"], steps / 32)


def test_a_network_of_groups_is_as_good_with_its_means_rounded_to_the_bits_that_its_posterior_asks_for():
    torch.manual_seed(0)
    x = torch.randn(512, 6)
    y = x[:, :1] - 2 * x[:, 3:4] + 0.1 * torch.randn(512, 1)
    module = sparsify(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1)), NormalJeffreys(by_input, -6.0, -2.0))
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(1500):
        optimizer.zero_grad()
        ((module(x) - y).square().mean() / 0.02 + kl(module) / len(x)).backward()
        optimizer.step()
    found, bits, rounded = extract(module), posterior_bits(module), rounded_weights(module)
    assert found["0.weight"].mask.any(0).tolist() == [True, False, False, True, False, False]
    plain, small = posterior_mean(module).eval(), posterior_mean(module).eval()
    plain.load_state_dict({name: value.mean * value.mask for name, value in found.items()}, strict=False)
    small.load_state_dict(rounded, strict=False)
    for name, value in found.items():
        width = bits[name].significant_bits
        assert 4 <= width <= 12
        assert torch.equal(rounded[name] * 2**width, torch.round(rounded[name] * 2**width))
        assert (rounded[name] - value.mean * value.mask).abs().max() <= 2.0 ** -(width + 1)
        assert (rounded[name][value.mask == 0] == 0).all()
    with torch.no_grad():
        assert (small(x) - y).square().mean() < 1.1 * (plain(x) - y).square().mean() + 1e-3
        assert (plain(x) - y).square().mean() < 0.05
