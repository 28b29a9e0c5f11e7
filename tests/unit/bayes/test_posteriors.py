"""Every posterior: its moments against sampling, its divergence against integration, its place in a network."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import nn

from tinybayes.bayes import (
    AutomaticRelevance,
    Blocks,
    GaussianDropout,
    Horseshoe,
    LogUniform,
    NormalJeffreys,
    StandardNormal,
    by_input,
    extract,
    kl,
    posterior_mean,
    scores,
    sparsify,
    variational_weights,
)
from tinybayes.bayes.divergence import ard_kl, gaussian_kl, log_normal_gamma_kl, log_normal_inverse_gamma_kl

PRIORS = {
    "log-uniform": LogUniform(-4.0),
    "ard": AutomaticRelevance(-4.0),
    "ard, blocks": AutomaticRelevance(-4.0, groups=Blocks(1, 4)),
    "gaussian": StandardNormal(-4.0),
    "dropout": GaussianDropout(0.2),
    "variational dropout": GaussianDropout(0.2, learned=True, per="weight"),
    "variational dropout, neurons": GaussianDropout(0.2, learned=True, per="neuron"),
    "normal-Jeffreys": NormalJeffreys(by_input, -3.0),
    "normal-Jeffreys, blocks": NormalJeffreys(Blocks(1, 4), -3.0),
    "horseshoe": Horseshoe(initial_log_sigma2=-3.0),
}
every_prior = pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)


def layers() -> list[nn.Module]:
    return [nn.Linear(6, 4), nn.Conv1d(4, 4, 3, groups=2), nn.Conv2d(3, 3, 2, groups=3), nn.GRU(3, 4), nn.LSTM(3, 2)]


def spread(module: nn.Module) -> None:
    """Moves every parameter of the posteriors a little, so that no special value hides a mistake."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "posteriors" in name:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))


@every_prior
def test_moments_with_scales_integrated_out_are_those_of_samples(prior):
    torch.manual_seed(0)
    module = sparsify(nn.Linear(5, 8), prior)
    spread(module)
    posterior, weight = module.posterior(), module.weight
    draws = 20_000
    with torch.no_grad():
        given = [posterior.conditional(weight) for _ in range(draws)]
        samples = torch.stack([mean + variance.sqrt() * torch.randn_like(mean) for mean, variance in given]).double()
        mean, variance = posterior.marginal(weight)
    error = samples.std(0) / math.sqrt(draws)
    assert ((samples.mean(0) - mean).abs() < 5 * error + 1e-6).all()
    # Squares of a scale's samples have heavy tails, so that their mean converges slowly.
    assert ((samples.var(0) / variance - 1).abs() < 0.15).all()


@every_prior
def test_a_network_starts_as_it_was_and_comes_back(prior):
    for plain in layers():
        variational = sparsify(plain, prior).eval()
        x = torch.randn(2, 6) if isinstance(plain, nn.Linear) else torch.randn(2, 4, 5)
        if isinstance(plain, nn.Conv2d):
            x = torch.randn(2, 3, 4, 4)
        elif isinstance(plain, nn.RNNBase):
            x = torch.randn(5, 2, 3)
        want, got = plain(x), variational(x)
        back = posterior_mean(variational)
        assert type(back) is type(plain)
        assert set(back.state_dict()) == set(plain.state_dict())
        pairs = zip(nest(want), nest(got), nest(back(x)), strict=True)
        for one, other, again in pairs:
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(again, other, rtol=1e-4, atol=1e-5)


def nest(value: object) -> list[torch.Tensor]:
    return [value] if isinstance(value, torch.Tensor) else [t for part in value for t in nest(part)]


@every_prior
def test_extract_gives_masks_means_and_variances_of_every_weight(prior):
    module = sparsify(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)), prior)
    spread(module)
    found = extract(module)
    assert list(found) == ["0.weight", "2.weight"]
    for name, weight, posterior in variational_weights(module):
        assert found[name].mask.shape == found[name].mean.shape == found[name].variance.shape == weight.shape
        assert torch.equal(found[name].mask, (scores(module)[name] < posterior.threshold).float())
        assert (found[name].variance > 0).all()


@every_prior
def test_the_same_seed_gives_the_same_gradients_and_a_state_comes_back(prior):
    module = sparsify(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)), prior)
    x = torch.randn(8, 6)

    def gradients(network: nn.Module) -> list[torch.Tensor]:
        torch.manual_seed(3)
        network.zero_grad()
        (network(x).square().mean() + kl(network) / 100).backward()
        return [p.grad.clone() for p in network.parameters() if p.grad is not None]

    first = gradients(module)
    other = sparsify(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)), prior)
    spread(other)
    other.load_state_dict(copy.deepcopy(module.state_dict()))
    second = gradients(other)
    assert len(first) == len(second) > 4 - (prior == PRIORS["dropout"])
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(torch.isfinite(gradient).all() for gradient in first)


@every_prior
def test_zero_weights_leave_everything_finite(prior):
    layer = nn.Linear(4, 3)
    nn.init.zeros_(layer.weight)
    module = sparsify(layer, prior)
    loss = module(torch.zeros(2, 4)).sum() + kl(module)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in module.parameters() if p.grad is not None)


def test_only_log_variances_are_named_so():
    module = sparsify(nn.Linear(3, 2), Horseshoe())
    names = {name.rsplit(".", 1)[-1] for name, _ in module.named_parameters()}
    assert names == {"weight", "bias", "log_sigma2", "layer_mean", "layer_log_sigma2", "scale_mean", "scale_log_sigma2"}


def test_fixed_dropout_has_the_variance_of_its_rate_and_nothing_to_learn():
    module = sparsify(nn.Linear(3, 2), GaussianDropout(0.2))
    torch.testing.assert_close(extract(module)["weight"].variance, 0.25 * module.weight.detach() ** 2)
    assert kl(module).item() == 0.0
    assert [name for name, _ in module.named_parameters()] == ["weight", "bias"]
    assert module.posterior().log_alpha.exp().item() == pytest.approx(0.25)


@pytest.mark.parametrize(("per", "rates"), [("weight", 12), ("neuron", 4), ("layer", 1)])
def test_learned_rates_by_weight_neuron_and_layer(per, rates):
    module = sparsify(nn.Linear(4, 3), GaussianDropout(0.5, learned=True, per=per))
    assert module.posterior().log_alpha.shape == (rates,)
    kl(module).backward()
    assert (module.posterior().log_alpha.grad < 0).all()  # more noise is nearer to the prior


def test_bad_rates_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1, got 1"):
        GaussianDropout(1.0)
    with pytest.raises(ValueError, match="'row'; wanted one of weight, neuron, layer"):
        GaussianDropout(0.5, per="row")


def test_gaussian_divergence_equals_torchs():
    mean, log_sigma2 = torch.randn(20).double(), torch.randn(20).double()
    posterior = torch.distributions.Normal(mean, torch.exp(0.5 * log_sigma2))
    want = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(mean.new_zeros(20), 1.0))
    torch.testing.assert_close(gaussian_kl(mean, log_sigma2), want)


@pytest.mark.parametrize("log_a", [-6.0, -1.0, 0.0, 2.0])
def test_ard_is_the_divergence_from_the_best_normal_prior(log_a):
    theta, alpha = 0.7, math.exp(log_a)
    posterior = torch.distributions.Normal(theta, math.sqrt(alpha) * theta)
    taus = theta * theta * (1 + alpha) * np.array([0.8, 0.9, 1.0, 1.1, 1.25])
    values = [torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, float(t) ** 0.5)).item()
              for t in taus]  # fmt: skip
    assert min(values) == values[2] == pytest.approx(ard_kl(torch.tensor(log_a)).item(), abs=1e-5)


@pytest.mark.parametrize(("m", "v"), [(-1.6931, 2.0), (0.3, 0.5), (-3.0, 1.0)])
@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_log_normal_divergences_equal_their_integrals(m, v, scale):
    posterior = stats.norm(m, math.sqrt(v))  # of the logarithm

    def integral(log_prior) -> float:  # of u = log z, so that the density of z gains a factor z
        def integrand(u: float) -> float:
            return posterior.pdf(u) * (posterior.logpdf(u) - log_prior(math.exp(u)) - u)

        return integrate.quad(integrand, m - 12 * math.sqrt(v), m + 12 * math.sqrt(v), limit=200)[0]

    gamma, inverse = stats.gamma(0.5, scale=scale**2), stats.invgamma(0.5, scale=1.0)
    mean, log_v = torch.tensor(m).double(), torch.tensor(math.log(v)).double()
    assert log_normal_gamma_kl(mean, log_v, scale).item() == pytest.approx(integral(gamma.logpdf), abs=1e-6)
    assert log_normal_inverse_gamma_kl(mean, log_v).item() == pytest.approx(integral(inverse.logpdf), abs=1e-6)


def test_least_divergence_of_a_half_cauchy_factor_is_0_1534_at_v_2():
    rest, log_v = 1 + math.log(2), torch.tensor(math.log(2.0))
    assert log_normal_gamma_kl(torch.tensor(-rest), log_v).item() == pytest.approx(0.1534, abs=1e-4)
    assert log_normal_inverse_gamma_kl(torch.tensor(rest), log_v).item() == pytest.approx(0.1534, abs=1e-4)
    mean, log_variance = torch.tensor(-rest, requires_grad=True), log_v.clone().requires_grad_()
    log_normal_gamma_kl(mean, log_variance).backward()
    assert mean.grad.item() == pytest.approx(0, abs=1e-6)
    assert log_variance.grad.item() == pytest.approx(0, abs=1e-6)


def test_the_product_of_gamma_and_inverse_gamma_is_a_half_cauchy():
    generator = np.random.default_rng(1)
    a = stats.gamma(0.5, scale=0.3**2).rvs(50_000, random_state=generator)
    b = stats.invgamma(0.5, scale=1.0).rvs(50_000, random_state=generator)
    assert stats.kstest(np.sqrt(a * b), stats.halfcauchy(scale=0.3).cdf).pvalue > 0.01


def test_a_living_group_of_the_horseshoe_pays_for_the_global_scale():
    weight = nn.Linear(4, 3)
    price = {}
    for scale in (1e-1, 1e-5):
        module = sparsify(weight, Horseshoe(by_input, global_scale=scale))
        price[scale] = kl(module).item()
    assert price[1e-5] - price[1e-1] == pytest.approx(4 * math.log(1e4), rel=1e-3)


def test_groups_that_the_data_does_not_ask_for_are_pruned_and_the_others_stay():
    """Two of six inputs matter: both group priors find them, by groups that live or die whole."""
    torch.manual_seed(0)
    x = torch.randn(512, 6)
    y = x[:, :1] - 2 * x[:, 3:4] + 0.1 * torch.randn(512, 1)
    for prior in (NormalJeffreys(by_input, -6.0, threshold=-2.0), Horseshoe(by_input, 1e-3, -6.0, threshold=2.0)):
        module = sparsify(nn.Linear(6, 1), prior)
        optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
        for _ in range(2500):
            optimizer.zero_grad()
            # Gaussian likelihood of variance 0.01, per sample
            ((module(x) - y).square().mean() / 0.02 + kl(module) / len(x)).backward()
            optimizer.step()
        assert extract(module)["weight"].mask.flatten().tolist() == [1, 0, 0, 1, 0, 0], prior


def test_weights_that_are_relevant_together_pay_for_the_best_shared_prior_variance():
    torch.manual_seed(0)
    layer = sparsify(nn.Linear(8, 1), AutomaticRelevance(-3.0, groups=Blocks(1, 4))).double()
    spread(layer)
    variance = layer.posterior().log_sigma2.detach().exp().reshape(2, 4)
    theta = layer.weight.detach().reshape(2, 4)
    taus = torch.logspace(-6, 2, 40_001, dtype=torch.float64)[:, None, None]
    prior = torch.distributions.Normal(torch.zeros((), dtype=torch.float64), taus.sqrt())
    by_tau = torch.distributions.kl_divergence(torch.distributions.Normal(theta, variance.sqrt()), prior).sum(2)
    torch.testing.assert_close(kl(layer), by_tau.min(0).values.sum(), rtol=1e-5, atol=0)
    wanted = torch.log(variance.sum(1) / theta.square().sum(1)).repeat_interleave(4)
    torch.testing.assert_close(scores(layer)["weight"][0], wanted, rtol=0, atol=1e-5)


def test_a_group_of_one_weight_is_plain_automatic_relevance():
    torch.manual_seed(0)
    alone = sparsify(nn.Conv1d(4, 4, 3), AutomaticRelevance(-3.0))
    together = sparsify(nn.Conv1d(4, 4, 3), AutomaticRelevance(-3.0, groups=Blocks(1, 1)))
    together.load_state_dict(alone.state_dict())
    torch.testing.assert_close(kl(together), kl(alone), rtol=1e-4, atol=0)
    torch.testing.assert_close(scores(together)["weight"], scores(alone)["weight"])
