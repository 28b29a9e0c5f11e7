"""What a training is drawn from."""

import json

import torch
from torch import nn

from tinybayes.bayes import LogUniform, sparsify
from tinybayes.compress import SharedNetwork
from tinybayes.recipes.curve import SIGNAL_EDGES, Curve, plain_layers, posterior_layers, shared_layers, signal_to_noise


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def test_each_stage_tells_its_layers():
    plain = plain_layers(network())
    assert {name: (figures.weights, figures.bits) for name, figures in plain.items()} == {
        "0.weight": (24, 32.0),
        "3.weight": (48, 32.0),
    }
    posterior = posterior_layers(sparsify(network(), LogUniform(-8.0)), 3.0)
    assert posterior["0.weight"].nonzero in (23, 24)  # one of them lies near zero
    assert 1 < posterior["0.weight"].bits < 32
    shared = shared_layers(SharedNetwork(network(), 4))
    assert shared["3.weight"].nonzero == 48
    assert 0 < shared["3.weight"].bits < 8


def test_recurrent_weights_have_figures_in_every_stage():
    torch.manual_seed(0)
    gru = nn.GRU(3, 4)
    names = {"weight_ih_l0": 36, "weight_hh_l0": 48}
    for figures in (
        plain_layers(gru),
        posterior_layers(sparsify(gru, LogUniform(-8.0)), 3.0),
        shared_layers(SharedNetwork(gru, 4)),
    ):
        assert {name: found.weights for name, found in figures.items()} == names


def test_a_weights_ratio_falls_into_its_bin():
    module = sparsify(nn.Sequential(nn.Linear(1, 1, bias=False)), LogUniform(-2.0))
    with torch.no_grad():
        module[0].weight.fill_(2.0)  # over exp(-1): 5.44, or 0.735 decades
    counts = signal_to_noise(module)["0.weight"]
    place = counts.index(1)
    assert sum(counts) == 1
    assert SIGNAL_EDGES[place] <= 0.735 < SIGNAL_EDGES[place + 1]


def test_what_lies_beyond_the_edges_counts_at_the_ends():
    module = sparsify(nn.Sequential(nn.Linear(2, 1, bias=False)), LogUniform(-2.0))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[0.0, 1e9]]))
    counts = signal_to_noise(module)["0.weight"]
    assert (counts[0], counts[-1], sum(counts)) == (1, 1, 2)


def test_the_record_is_json():
    curve = Curve()
    curve.add("dense", 1, 0.5, 2.0, plain_layers(network()))
    record = json.loads(json.dumps(curve.record()))
    assert record["epochs"][0]["layers"]["0.weight"] == {"weights": 24, "nonzero": 24, "bits": 32.0}
    assert len(record["signal_to_noise"]["decades"]) == len(SIGNAL_EDGES)
    assert record["epochs"][0]["validation_error_percent"] == 2.0


def test_an_error_on_what_is_trained_on_is_not_called_one_of_validation():
    curve = Curve()
    curve.add("dense", 1, 0.5, 2.0, plain_layers(network()))
    epoch = curve.record(trained_on_validation=True)["epochs"][0]
    assert epoch["training_error_percent"] == 2.0
    assert "validation_error_percent" not in epoch
    assert curve.epochs[0]["validation_error_percent"] == 2.0, "checkpoints keep one name"
