"""Refreshing the running statistics of BatchNorm."""

import torch
from torch import nn

from tinybayes.bayes import LogUniform, refresh_batch_norm, sparsify


def test_statistics_become_those_of_the_noise_free_activations():
    torch.manual_seed(0)
    module = sparsify(nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3)), LogUniform(initial_log_sigma2=0.0))
    x = torch.randn(512, 2, 8)
    for _ in range(30):
        module.train()(x)
    noisy = module[1].running_var.clone()
    refresh_batch_norm(module, x, batch=128)
    activations = module[0].eval()(x).detach()
    torch.testing.assert_close(module[1].running_mean, activations.mean((0, 2)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(module[1].running_var, activations.var((0, 2)), rtol=2e-2, atol=1e-4)
    assert (noisy > 2 * module[1].running_var).all()


def test_mode_momentum_and_weights_are_left_alone():
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, momentum=0.3)).train()
    weight = module[1].weight.clone()
    refresh_batch_norm(module, torch.randn(700, 2))
    assert module.training
    assert module[1].training
    assert module[1].momentum == 0.3
    assert torch.equal(module[1].weight, weight)


def test_a_network_without_batch_norm_is_not_even_run():
    refresh_batch_norm(nn.Linear(2, 2), torch.randn(4, 7))
