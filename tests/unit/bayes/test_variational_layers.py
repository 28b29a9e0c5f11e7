"""The variational layers: their noise has the moments of sampling weights, their gradient is the derivative."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tinybayes.bayes import LogUniform, sparsify
from tinybayes.bayes.posteriors import log_alpha

LAYERS = [
    (lambda: sparsify(nn.Linear(5, 3)), (2, 5), F.linear),
    (lambda: sparsify(nn.Conv1d(2, 3, 3, padding=1)), (2, 2, 6), lambda x, w, b: F.conv1d(x, w, b, padding=1)),
    (lambda: sparsify(nn.Conv2d(2, 3, 2, stride=2)), (2, 2, 4, 4), lambda x, w, b: F.conv2d(x, w, b, stride=2)),
    (lambda: sparsify(nn.Conv1d(4, 6, 2, groups=2)), (2, 4, 5), lambda x, w, b: F.conv1d(x, w, b, groups=2)),
    (lambda: sparsify(nn.Conv2d(3, 6, 2, groups=3)), (2, 3, 3, 3), lambda x, w, b: F.conv2d(x, w, b, groups=3)),
]
IDS = ["linear", "conv1d", "conv2d", "grouped conv1d", "depthwise conv2d"]


def spread(layer: nn.Module) -> None:
    with torch.no_grad():
        layer.posterior().log_sigma2.copy_(torch.randn_like(layer.posterior().log_sigma2) - 2)


@pytest.mark.parametrize(("make", "shape", "operator"), LAYERS, ids=IDS)
def test_moments_are_those_of_sampled_weights(make, shape, operator):
    torch.manual_seed(1)
    layer, x, draws = make(), torch.randn(shape), 4_000
    spread(layer)
    with torch.no_grad():
        ours = torch.stack([layer(x) for _ in range(draws)])
        sigma = torch.exp(0.5 * layer.posterior().log_sigma2)
        theirs = torch.stack(
            [operator(x, layer.weight + sigma * torch.randn_like(sigma), layer.bias) for _ in range(draws)]
        )
    error = 5 * theirs.std(0) / (draws) ** 0.5
    assert ((ours.mean(0) - theirs.mean(0)).abs() < 1.5 * error + 1e-3).all()
    assert ((ours.std(0) / theirs.std(0) - 1).abs() < 0.09).all()


@pytest.mark.parametrize(("make", "shape", "operator"), LAYERS, ids=IDS)
def test_evaluation_is_the_posterior_mean_exactly(make, shape, operator):
    layer, x = make().eval(), torch.randn(shape)
    assert torch.equal(layer(x), operator(x, layer.weight, layer.bias))
    assert not torch.equal(layer.train()(x), layer.eval()(x))


@pytest.mark.parametrize(("make", "shape", "operator"), LAYERS, ids=IDS)
def test_gradient_equals_finite_differences(make, shape, operator):
    torch.manual_seed(2)
    layer, x = make().double(), torch.randn(shape, dtype=torch.float64)
    spread(layer)

    def loss(weight, log_sigma2):
        torch.manual_seed(3)
        return (
            torch.func.functional_call(layer, {"weight": weight, "posteriors.weight.log_sigma2": log_sigma2}, (x,))
            .square()
            .sum()
        )

    assert torch.autograd.gradcheck(loss, (layer.weight, layer.posterior().log_sigma2), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_recurrent_draws_have_the_moments_of_their_posteriors(kind):
    torch.manual_seed(4)
    layer, draws = sparsify(kind(3, 2)), 20_000
    names = layer._flat_weights_names
    with torch.no_grad():
        for name in layer.posteriors:
            log_sigma2 = layer.posterior(name).log_sigma2
            log_sigma2.copy_(torch.randn_like(log_sigma2) - 2)
        taken = {name: [] for name in names}
        for _ in range(draws):
            with layer.drawn():
                for name, weight in zip(names, layer._flat_weights, strict=True):
                    taken[name].append(weight)
        for name in names:
            samples, mean = torch.stack(taken[name]), layer.get_parameter(name)
            if name not in layer.posteriors:  # a bias
                assert torch.equal(samples[0], mean) and torch.equal(samples[-1], mean)
                continue
            sigma = torch.exp(0.5 * layer.posterior(name).log_sigma2)
            assert ((samples.mean(0) - mean).abs() < 5 * sigma / draws**0.5).all()
            assert ((samples.std(0) / sigma - 1).abs() < 5 / (2 * draws) ** 0.5).all()
            between = torch.corrcoef(samples.flatten(1).T) - torch.eye(mean.numel())
            assert between.abs().max() < 5 / draws**0.5, "every weight has noise of its own"


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_recurrent_outputs_spread_as_those_of_sampled_weights(kind):
    torch.manual_seed(5)
    plain, x, draws = kind(2, 2), torch.randn(3, 2, 2), 3_000
    layer, sampled = sparsify(plain, LogUniform(-2.0)), copy.deepcopy(plain)
    with torch.no_grad():
        ours = torch.stack([layer(x)[0] for _ in range(draws)])
        theirs = []
        for _ in range(draws):
            for name, parameter in sampled.named_parameters():
                noise = torch.exp(torch.tensor(-1.0)) * torch.randn_like(parameter) if "weight" in name else 0.0
                parameter.copy_(plain.get_parameter(name) + noise)
            theirs.append(sampled(x)[0])
    theirs = torch.stack(theirs)
    assert ((ours.mean(0) - theirs.mean(0)).abs() < 5 * (2 / draws) ** 0.5 * theirs.std(0)).all()
    assert ((ours.std(0) / theirs.std(0) - 1).abs() < 0.12).all()


def test_zero_inputs_have_finite_gradients():
    layer = sparsify(nn.Linear(4, 2))
    layer(torch.zeros(3, 4)).sum().backward()
    assert torch.isfinite(layer.posterior().log_sigma2.grad).all()


def test_log_alpha_is_clipped_and_finite_at_zero_weights():
    weight = torch.tensor([0.0, 1.0, 1e-3, 1.0])
    values = log_alpha(weight, torch.tensor([-3.0, -30.0, -8.0, 0.5]))
    assert values.tolist() == pytest.approx([8.0, -8.0, -8.0 + 13.8056, 0.5], abs=1e-3)
