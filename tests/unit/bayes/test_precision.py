"""Bit widths from posterior variances."""

import torch
from torch import nn

from tinybayes.bayes import LogUniform, sparsify
from tinybayes.bayes.precision import posterior_bits


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
