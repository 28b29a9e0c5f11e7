import numpy as np
import pytest
import torch
from torch import nn

from tests.unit.frontend.modules import imported
from tinybayes.errors import InternalError
from tinybayes.frontend import fake_quantized, import_module
from tinybayes.passes import to_integer
from tinybayes.reference import dequantize_output, execute, quantize_input


def test_it_stays_within_a_code_of_the_integer_network(network):
    _, graph, shape = network
    torch.manual_seed(1)
    x = torch.randn(300, *shape)
    integer = to_integer(graph, x.numpy())
    codes = execute(integer, quantize_input(integer, x.numpy()))[integer.output]
    simulated = fake_quantized(integer)(x)
    assert simulated.dtype == torch.float64
    difference = np.abs(simulated.numpy() / integer.output_tensor.scale - codes)
    # A code that falls between two is rounded either way, and a deep network has more of them.
    assert np.mean(difference > 0.5) < 0.08
    assert np.mean(difference > 1.5) < 0.002


def test_a_trained_classifier_agrees_on_the_first_choice():
    torch.manual_seed(3)
    centres = torch.randn(5, 2, 10, 10)
    labels = torch.randint(5, (1200,))
    x = centres[labels] + 1.5 * torch.randn(1200, 2, 10, 10)
    module = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(150, 5)
    )
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    for _ in range(25):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x[:600]), labels[:600]).backward()
        optimizer.step()
    module.eval()
    integer = to_integer(import_module(module, x[:1]), x[:300].numpy(), bias_bits=8)
    choices = {
        "float": module(x).detach().numpy(),
        "fake": fake_quantized(integer)(x).numpy(),
        "integer": dequantize_output(integer, execute(integer, quantize_input(integer, x.numpy()))[integer.output]),
    }
    first = {name: values.argmax(axis=1) for name, values in choices.items()}
    assert np.mean(first["fake"] == first["integer"]) >= 0.995
    accuracy = {name: np.mean(choice == labels.numpy()) for name, choice in first.items()}
    assert accuracy["float"] > 0.9
    assert accuracy["integer"] >= accuracy["float"] - 0.005


def test_removed_inputs_and_neurons_are_modelled():
    torch.manual_seed(2)
    module = nn.Sequential(nn.Flatten(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 4)).eval()
    for layer in (module[1], module[3]):
        layer.weight.data[torch.rand_like(layer.weight) < 0.9] = 0
    x = torch.randn(200, 2, 4, 4)
    integer = to_integer(import_module(module, x), x.numpy())
    assert "select" in [node.op for node in integer.nodes]
    codes = execute(integer, quantize_input(integer, x.numpy()))[integer.output]
    difference = np.abs(fake_quantized(integer)(x).numpy() / integer.output_tensor.scale - codes)
    assert np.mean(difference > 0.5) < 0.02


def test_float_networks_are_refused():
    with pytest.raises(InternalError, match="wants an integer network"):
        fake_quantized(imported("perceptron")[1])
