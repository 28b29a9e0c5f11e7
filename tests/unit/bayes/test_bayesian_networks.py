"""Relevance vectors and the uncertain last layer as networks: exact in floats, and close to that in integers."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris, make_moons
from torch import nn

from tinybayes import tbn
from tinybayes.bayes.linear_head import BayesianLinearHead
from tinybayes.bayes.networks import UncertainClassifier
from tinybayes.bayes.relevance_vectors import RVC
from tinybayes.boards import load_board
from tinybayes.errors import UserError
from tinybayes.frontend import fake_quantized_classes
from tinybayes.pipeline import compile_network, load_network, reference_classes
from tinybayes.post_training import compress_model
from tinybayes.reference import dequantize_output, execute, quantize_input
from tinybayes.report import verdict


def moons():
    x, y = make_moons(400, noise=0.2, random_state=0)
    return x, y


def iris():
    x, y = load_iris(return_X_y=True)
    return (x - x.mean(0)) / x.std(0), y


def integer_outputs(network: nn.Module, x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float32)
    graph = load_network(network, x)
    return dequantize_output(graph, execute(graph, quantize_input(graph, x))[graph.output])


@pytest.mark.parametrize("data", [moons, iris])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_relevance_vectors_choose_the_same_classes_in_integers(data, kernel):
    x, y = data()
    model = RVC(kernel=kernel).fit(x, y)
    network = model.to_network().eval()
    scores = network(torch.from_numpy(x).float()).numpy()
    exact = np.stack([
        model._basis(x)[:, active] @ mean for active, mean in zip(model.active_, model.coef_, strict=True)
    ], axis=1)  # fmt: skip
    if exact.shape[1] == 1:
        exact = np.hstack([-exact, exact])
    np.testing.assert_allclose(scores, exact, atol=2e-3 * np.abs(exact).max())
    agreement = (scores.argmax(1) == integer_outputs(network, x).argmax(1)).mean()
    assert agreement >= 0.97
    assert (model.classes_[scores.argmax(1)] == model.predict(x)).mean() >= 0.97


@pytest.mark.parametrize(
    ("data", "kernel"), [(moons, "rbf"), (moons, "linear"), (iris, "linear")], ids=["two, rbf", "two, linear", "linear"]
)
def test_two_classes_and_linear_kernels_are_exact_in_c(data, kernel, tmp_path):
    x, y = data()
    x = x.astype(np.float32)
    graph = load_network(RVC(kernel=kernel).fit(x, y).to_network().eval(), x)
    judged = compile_network(graph, load_board("microbit"), tmp_path / "out").verify(("host",), x)["host"]
    assert (judged.samples, judged.mismatches) == (len(x), 0)


@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_a_classifier_that_keeps_only_its_constant_says_what_to_do(kernel):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(40, 4)), (generator.random(40) < 0.2).astype(int)
    model = RVC(kernel=kernel, gamma=10, tol=5).fit(x, y)
    assert len(model.relevance_vectors_) == 0
    assert (model.predict(x) == 0).all()
    wanted = r"no relevance vector was kept, only the constant.*smaller tol \(was 5\), another gamma \(was 10\) or more"
    with pytest.raises(UserError, match=wanted):
        model.to_network()


def digits_head():
    torch.manual_seed(0)
    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32), digits.target
    features = nn.Sequential(nn.Linear(64, 24), nn.ReLU())
    network = nn.Sequential(features, nn.Linear(24, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(torch.from_numpy(x[:1200])), torch.from_numpy(y[:1200])).backward()
        optimizer.step()
    features.eval().requires_grad_(False)
    phi = features(torch.from_numpy(x[:1200])).numpy().astype(np.float64)
    head = BayesianLinearHead(24, 10, prior_variance=1.0, noise_variance=0.05).fit(phi, 6.0 * np.eye(10)[y[:1200]] - 1)
    return features, head, x, y


def test_an_uncertain_classifier_says_what_the_head_says():
    features, head, x, _ = digits_head()
    network = UncertainClassifier(features, head).eval()
    phi = features(torch.from_numpy(x)).numpy().astype(np.float64)
    outputs = network(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(outputs[:, :10], head.probabilities(phi), atol=1e-4)
    np.testing.assert_allclose(outputs[:, 10], 1 - 1 / np.sqrt(1 + np.pi / 8 * head.weight_variance(phi)), atol=1e-5)


def test_in_integers_it_is_as_right_and_less_sure_of_what_it_never_saw():
    features, head, x, y = digits_head()
    network = UncertainClassifier(features, head).eval()
    rng = np.random.default_rng(0)
    strange = rng.permuted(x[1200:], axis=1).astype(np.float32)
    graph = load_network(network, np.concatenate([x[:1200], strange[:100]]))
    assert graph.output_tensor.shape == (11,)

    def outputs(samples: np.ndarray) -> np.ndarray:
        return dequantize_output(graph, execute(graph, quantize_input(graph, samples))[graph.output])

    seen, other = outputs(x[1200:]), outputs(strange[100:])
    exact = network(torch.from_numpy(x[1200:])).numpy()
    assert (seen[:, :10].argmax(1) == y[1200:]).mean() >= (exact[:, :10].argmax(1) == y[1200:]).mean() - 0.02
    assert other[:, 10].mean() > 2 * seen[:, 10].mean()
    unsure = np.concatenate([seen[:, 10], other[:, 10]])
    unknown = np.repeat([0, 1], [len(seen), len(other)])
    order = unsure.argsort(kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(len(order))
    area = (ranks[unknown == 1].mean() - (len(other) - 1) / 2) / len(seen)
    assert area > 0.9


def unsure_network():
    """A head that was fitted to 10 samples, whose uncertainty is its largest output half of the time."""
    torch.manual_seed(0)
    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32)[:400], digits.target[:400].astype(np.int64)
    features = nn.Sequential(nn.Linear(64, 24), nn.ReLU()).eval().requires_grad_(False)
    phi = features(torch.from_numpy(x[:10])).numpy().astype(np.float64)
    head = BayesianLinearHead(24, 10, prior_variance=100.0, noise_variance=0.05).fit(phi, np.eye(10)[y[:10]])
    return UncertainClassifier(features, head).eval(), x, y


def test_the_uncertainty_is_no_class_wherever_classes_are_chosen(tmp_path):
    network, x, y = unsure_network()
    tbn.save(load_network(network, x), tmp_path / "unsure.tbn")
    graph = tbn.load(tmp_path / "unsure.tbn")
    assert graph.class_scores == 10
    codes = execute(graph, quantize_input(graph, x))[graph.output]
    assert (codes.argmax(1) == 10).mean() > 0.3
    chosen = codes[:, :10].argmax(1)
    assert (reference_classes(graph, x) == chosen).all()
    assert fake_quantized_classes(graph, x).max() < 10
    assert verdict.accuracy(codes, y, graph.class_scores) == (chosen == y).mean()
    small = compress_model(network, x, sparsity=0.3, max_drop=100.0)
    assert small.graph.class_scores == 10
    real = network(torch.from_numpy(x)).numpy()[:, :10].argmax(1)
    drop = 100 * (1 - (reference_classes(small.graph, x) == real).mean())
    assert small.drop_points == pytest.approx(drop, abs=1.0)  # float classes by numpy here and torch there


@pytest.mark.parametrize("told", [0, 12, "ten", True])
def test_a_wrong_number_of_class_scores_is_refused(told):
    network, x, _ = unsure_network()
    network.class_scores = told
    with pytest.raises(UserError, match=r"UncertainClassifier\.class_scores is .*, wanted how many of the outputs of"):
        load_network(network, x)


def test_nonsense_in_a_file_says_nothing_of_classes():
    network, x, _ = unsure_network()
    graph = load_network(network, x[:20])
    for told in (0, 12, -1, "ten", True, None, 2.0, [10]):
        assert graph.with_facts(class_scores=told).class_scores is None
