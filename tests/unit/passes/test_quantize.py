import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.passes.floats import Chain
from tinybayes.errors import LimitError, UserError
from tinybayes.ir import verify
from tinybayes.passes import quantize, to_integer
from tinybayes.passes.calibrate import Histogram
from tinybayes.reference import dequantize_output, execute, quantize_input, scaled_input


def network(kind, seed=0):
    series, image = Chain((16, 3), seed), Chain((8, 8, 2), seed)
    all_around = (1, 1, 1, 1)
    return {
        "mlp": lambda: Chain((20,), seed).linear(12).relu().linear(8).relu().linear(4),
        "relu at the end": lambda: Chain((20,), seed).linear(12).relu().linear(4).relu(),
        "relu behind the pool": lambda: series.conv(6, (1, 3), (0, 0, 1, 1)).max_pool((1, 2)).relu().flatten()
        .linear(4),
        "average": lambda: series.conv(6, (1, 3)).relu().average_pool((1, 14)).flatten().linear(4),
        "average of both signs": lambda: image.conv(5, (3, 3), all_around).average_pool((2, 2)).relu()
        .flatten().linear(4),
        "average at the end": lambda: image.conv(5, (3, 3)).relu().average_pool((6, 6)).flatten(),
        "deep": lambda: image.conv(4, (3, 3), all_around).relu().max_pool((2, 2))
        .conv(6, (2, 2)).relu().flatten().linear(3),
    }[kind]().graph()  # fmt: skip


KINDS = [
    "mlp",
    "relu at the end",
    "relu behind the pool",
    "average",
    "average of both signs",
    "average at the end",
    "deep",
]


def data(graph, rng, samples=200):
    return rng.normal(size=(samples, *graph.torch_input_shape)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias_bits", [8, 16, 32])
def test_the_integer_network_follows_the_float_network(kind, bias_bits, rng):
    graph = network(kind)
    x = data(graph, rng)
    integer = verify(quantize(graph, x, bias_bits=bias_bits))
    fresh = data(graph, rng)
    got = dequantize_output(integer, execute(integer, quantize_input(integer, fresh))[integer.output])
    expected = execute(graph, scaled_input(graph, fresh))[graph.output]
    noise = np.sqrt(np.mean((got - expected) ** 2) / np.mean(expected**2))
    assert noise < (0.06 if bias_bits == 8 else 0.04)


@pytest.mark.parametrize("kind", KINDS)
def test_relus_become_the_clamp_of_the_layer_before_them(kind, rng):
    graph = network(kind)
    integer = quantize(graph, data(graph, rng))
    assert all(node.op != "relu" for node in integer.nodes)
    assert integer.input_tensor.dtype == integer.output_tensor.dtype == "int8"
    for node in integer.mac_nodes[:-1]:
        if kind not in ("average of both signs",):
            assert node.requant.low == 0
            assert integer.tensors[node.output].dtype == "uint8"
    if kind == "relu at the end":
        assert (integer.mac_nodes[-1].requant.low, integer.mac_nodes[-1].requant.high) == (0, 127)


def test_the_largest_output_of_the_calibration_is_not_clipped(rng):
    graph = network("mlp")
    x = data(graph, rng)
    largest = float(np.abs(execute(graph, x)[graph.output]).max())
    assert quantize(graph, x).output_tensor.scale == pytest.approx(largest / 127, rel=1e-6)


def test_clipping_leaves_a_single_outlier_outside():
    rng = np.random.default_rng(0)
    histogram = Histogram(np.zeros(4096))
    histogram.add(rng.normal(size=100_000).astype(np.float32))
    assert 3.0 < histogram.clip(127) <= histogram.largest
    histogram.add(np.array([-20.0], np.float32))
    assert histogram.largest == 20.0
    assert 10.0 < histogram.clip(127) < 15.0


def test_a_histogram_of_few_values_clips_none():
    histogram = Histogram(np.zeros(4096))
    histogram.add(np.array([0.0, 1.0, 1.0, 0.5], np.float32))
    assert histogram.clip(255) == pytest.approx(1.0, abs=0.02)


def test_a_codebook_survives_quantization(rng):
    codes = rng.integers(-7, 8, size=(4, 20))
    codes[0, :3] = [-7, 1, 0]
    graph = Chain((20,)).linear(4, weight=codes * np.float32(0.013)).graph()
    node = quantize(graph, data(graph, rng)).mac_nodes[0]
    np.testing.assert_array_equal(node.matrix, codes)
    assert node.weight_scale.shape == (1,)
    assert node.requant.multiplier.shape == (1,)


@pytest.mark.parametrize("bits", [8, 16])
def test_biases_fit_their_bits_with_one_shift_a_layer(bits, rng):
    graph = Chain((20,)).linear(12, bias=rng.normal(size=12) * 50).relu().linear(4).graph()
    for node in quantize(graph, data(graph, rng), bias_bits=bits).mac_nodes:
        bias = node.bias.astype(np.int64)
        shift = min((int(b) & -int(b)).bit_length() - 1 for b in bias if b)
        assert np.abs(bias >> shift).max() < 2 ** (bits - 1)


@settings(max_examples=30, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 10_000), gain=st.floats(1e-3, 1e3))
def test_any_small_network_quantizes_soundly(kind, seed, gain):
    graph = network(kind, seed)
    x = data(graph, np.random.default_rng(seed), 20) * np.float32(gain)
    integer = verify(to_integer(graph, x))
    codes = execute(integer, quantize_input(integer, x))[integer.output]
    assert codes.dtype == np.int8
    if execute(graph, scaled_input(graph, x))[graph.output].any():  # a last ReLU may have let nothing through
        assert np.abs(codes.astype(int)).max() >= 100


BAD = [
    (None, r"no calibration data.*\(samples, 20\)"),
    (np.zeros((4, 20), np.int64), r"got int64 of shape \(4, 20\); wanted floating-point"),
    (np.zeros((4, 21), np.float32), r"got shape \(4, 21\); wanted floating-point numbers of shape \(samples, 20\)"),
    (np.zeros((0, 20), np.float32), "at least one sample"),
    (np.zeros((20,), np.float32), r"got shape \(20,\)"),
    (np.full((4, 20), np.nan, np.float32), "4 of 4 samples hold NaN or infinity"),
    (np.full((4, 20), 1e300), "4 of 4 samples hold NaN or infinity"),
    (np.zeros((4, 20), np.float32), "every value is zero"),
    (np.full((4, 20), 3e38, np.float32), "overflows to NaN or infinity"),
    ([["a"]], "got <U1"),
]


@pytest.mark.parametrize(("calibration", "message"), BAD)
def test_wrong_calibration_says_what_was_got_and_wanted(calibration, message):
    with pytest.raises(UserError, match=message):
        quantize(network("mlp"), calibration)


def test_a_layer_pruned_to_nothing_is_named(rng):
    graph = Chain((20,)).linear(4, weight=np.zeros(80)).relu().linear(3).graph()
    with pytest.raises(
        UserError, match=r"layer 'linear0': no weight that matters survived pruning.*lower the sparsity"
    ):
        quantize(graph, data(graph, rng))


def test_an_accumulator_that_cannot_fit_names_its_layer(rng):
    graph = Chain((20,)).linear(4, bias=[1e12, 0, 0, 0]).graph()
    with pytest.raises(LimitError, match="layer 'linear0': its accumulator can reach"):
        quantize(graph, data(graph, rng), bias_bits=32)


def test_a_relu_on_the_input_is_a_layer_of_its_own(rng):
    graph = Chain((20,)).relu().relu().linear(4).graph()
    x = data(graph, rng)
    integer = verify(quantize(graph, x))
    assert [node.op for node in integer.nodes] == ["requantize", "linear"]
    values = execute(integer, quantize_input(integer, x))
    tensor = integer.tensors[integer.nodes[0].output]
    assert tensor.dtype == "uint8"
    kept = np.clip(x, 0, 255 * tensor.scale)
    error = values[tensor.name] * tensor.scale - kept
    # Half a code of the input, half a code of the output; what lies beyond the input's codes is clamped there.
    inside = x <= 127 * integer.input_tensor.scale
    assert np.abs(error[inside]).max() <= 0.51 * (integer.input_tensor.scale + tensor.scale)


def test_bias_bits_are_checked(rng):
    graph = network("mlp")
    with pytest.raises(UserError, match="bias_bits: got 12; wanted one of 8, 16, 32"):
        quantize(graph, data(graph, rng), bias_bits=12)


def test_a_layer_that_is_silent_in_calibration_is_still_sound(rng):
    graph = Chain((20,)).linear(4, bias=[-1e3] * 4).relu().linear(3).graph()
    verify(quantize(graph, data(graph, rng)))


def test_progress_ends_at_all_samples(rng):
    graph = network("mlp")
    seen = []
    quantize(graph, data(graph, rng, 150), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(64, 150), (128, 150), (150, 150)]


def test_a_channel_with_small_weights_and_a_large_bias_leaves_the_others_their_bits(rng):
    weight = rng.normal(size=(3, 20)) * np.array([[1.0], [1.0], [0.02]])
    graph = Chain((20,)).linear(3, weight=weight, bias=[0.0, 0.0, 20.0]).graph()
    node = quantize(graph, data(graph, rng)).mac_nodes[0]
    codes_per_step = node.requant.multiplier / 2.0**node.requant.post_shift
    assert codes_per_step.max() < 1 / 30


@pytest.mark.parametrize("kind", KINDS)
def test_one_scale_a_layer_costs_multipliers_and_a_little_accuracy(kind, rng):
    graph = network(kind)
    x = data(graph, rng)
    expected = execute(graph, scaled_input(graph, x))[graph.output]
    noise = {}
    for per_channel in (True, False):
        integer = verify(quantize(graph, x, per_channel=per_channel))
        sizes = {node.requant.multiplier.size for node in integer.mac_nodes}
        assert sizes == ({node.outputs for node in integer.mac_nodes} if per_channel else {1})
        assert {node.weight_scale.size for node in integer.mac_nodes} == sizes
        got = dequantize_output(integer, execute(integer, quantize_input(integer, x))[integer.output])
        noise[per_channel] = np.sqrt(np.mean((got - expected) ** 2) / np.mean(expected**2))
    assert noise[False] < 0.05
