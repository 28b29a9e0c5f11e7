"""Training from start to end on a small problem: stages, determinism, interruption, checkpoints."""

import dataclasses
import hashlib
import io
import os
import pickle
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from tinybayes.bayes import variational_weights
from tinybayes.bayes.layers import VariationalLinear
from tinybayes.datasets import Dataset
from tinybayes.errors import FileFormatError, UserError
from tinybayes.recipes import KNOBS, Knobs
from tinybayes.recipes.checkpoint import MAGIC
from tinybayes.recipes.evaluation import accuracy, calibration_samples
from tinybayes.recipes.networks import Standardize, imu_user_id_network, mnist_lenet300_network
from tinybayes.recipes.recipe import train
from tinybayes.recipes.trainer import Trainer

STAGES = ["dense", "sparse", "pruned", "fine-tuned", "shared"]
SHORT = Knobs(
    batch=32,
    dense_epochs=6,
    dense_learning_rate=1e-2,
    sparse_epochs=8,
    sparse_learning_rate=1e-2,
    log_sigma2_learning_rate=0.1,
    initial_log_sigma2=-6.0,
    warm_up_start=0.0,
    warm_up_epochs=2.0,
    fine_tune_epochs=2,
    share_epochs=2,
    levels=6,
    noise=0.05,
    gain_jitter=0.05,
    distillation=0.5,
    averaging=0.9,
    compensate=1,
)


def blobs() -> Dataset:
    """Three classes that differ in the level of the first channel and the slope of the second; the third is noise."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 600)
    x = generator.normal(size=(600, 3, 16)).astype(np.float32)
    x[:, 0] += 2 * y[:, None].astype(np.float32)
    x[:, 1] += (y[:, None] - 1) * np.linspace(-2, 2, 16, dtype=np.float32)
    return Dataset(x[:400], y[:400], x[400:500], y[400:500], x[500:], y[500:], classes=3)


def network(data: Dataset) -> nn.Sequential:
    x = torch.from_numpy(data.x_train)
    return nn.Sequential(
        Standardize(x.mean((0, 2))[:, None], x.std((0, 2))[:, None]),
        nn.Conv1d(3, 8, 5, padding=2, bias=False),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    )


def trainer(checkpoint=None, progress=lambda progress: None, knobs=SHORT, recipe="blobs", **options):
    return Trainer(recipe, knobs, blobs(), network, checkpoint, progress, **options)


def bits(module: nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in module.state_dict().items()}


def figures(results):
    return {stage: {k: v for k, v in row.items() if k != "seconds"} for stage, row in results.items()}


@pytest.fixture(scope="module")
def finished():
    reports = []
    return (*trainer(progress=reports.append).run(), reports)


def test_every_stage_reports_its_figures(finished):
    _, results, reports = finished
    assert list(results) == STAGES
    for row in results.values():
        assert row.keys() == {"accuracy", "validation_accuracy", "nonzero", "weights", "estimated_bytes", "seconds"}
    assert results["dense"]["accuracy"] > 0.85
    assert results["shared"]["accuracy"] > 0.8
    assert results["dense"]["nonzero"] == results["dense"]["weights"] == 8 * 3 * 5 + 8 * 3
    assert results["pruned"]["nonzero"] < 0.8 * results["dense"]["nonzero"]
    assert [(r.stage, r.epoch, r.epochs) for r in reports[:7]] == [
        *(("dense", i, 6) for i in range(1, 7)),
        ("sparse", 1, 8),
    ]
    assert reports[-1].seconds_left == 0
    assert all(0 <= r.error_percent <= 100 and 0 <= r.sparsity < 1 and np.isfinite(r.loss) for r in reports)


def test_the_result_is_a_plain_network_of_few_exact_levels(finished):
    module, results, _ = finished
    assert not module.training
    assert [type(layer) for layer in module] == [
        Standardize, nn.Conv1d, nn.ReLU, nn.AdaptiveAvgPool1d, nn.Flatten, nn.Linear
    ]  # fmt: skip
    for layer in (module[1], module[5]):
        weight = layer.weight.detach()
        scale = weight.abs().max() / 127
        assert torch.equal(weight, scale * torch.round(weight / scale))
        assert 1 <= len(weight[weight != 0].unique()) <= 6
    data = blobs()
    test = accuracy(module, torch.from_numpy(data.x_test), torch.from_numpy(data.y_test))
    assert test == results["shared"]["accuracy"]


def test_same_seed_same_bits_other_seed_other_bits(finished):
    module, results, _ = finished
    again, results_again = trainer().run()
    assert bits(again) == bits(module)
    assert figures(results_again) == figures(results)
    other, _ = trainer(knobs=dataclasses.replace(SHORT, seed=1)).run()
    assert bits(other) != bits(module)


def test_fine_tuning_ends_with_the_average_of_its_parameters():
    def figures(averaging: float) -> dict[str, dict[str, float]]:
        return trainer(knobs=dataclasses.replace(SHORT, fine_tune_learning_rate=0.3, averaging=averaging)).run()[1]

    # An average of decay 1 never leaves the start; without one, such a learning rate leads far away.
    assert figures(1.0)["fine-tuned"]["accuracy"] == figures(1.0)["pruned"]["accuracy"]
    assert figures(0.0)["fine-tuned"]["accuracy"] != figures(0.0)["pruned"]["accuracy"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InBlocks(Knobs):
    block_columns: ClassVar[int] = 4


def test_a_recipe_of_blocks_ends_with_whole_blocks():
    knobs = InBlocks(**{**dataclasses.asdict(SHORT), "most_nonzero": 60})
    module, results = trainer(knobs=knobs).run()
    weight = next(layer for layer in module.modules() if isinstance(layer, nn.Conv1d)).weight.detach()
    columns = weight.permute(0, 2, 1).flatten(1)  # as the device stores them, channels innermost
    blocks = columns[:, : columns.shape[1] // 4 * 4].reshape(len(columns), -1, 4) != 0
    assert 0 < results["sparse"]["nonzero"] <= 60
    assert blocks.any()
    assert torch.equal(blocks.all(2), blocks.any(2))


def test_training_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    trainer(only=("dense",)).run()
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.parametrize("at", [("dense", 3), ("sparse", 1), ("sparse", 5), ("fine-tuned", 1), ("shared", 2)])
def test_an_interrupted_training_resumes_to_the_same_bits(tmp_path, finished, at):
    def interrupt(progress):
        if (progress.stage, progress.epoch) == at:
            raise KeyboardInterrupt

    path = tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        trainer(path, interrupt).run()
    reports = []
    module, results = trainer(path, reports.append).run()
    # The epoch that was not finished is repeated, nothing before it is.
    assert (reports[0].stage, reports[0].epoch) == at
    assert bits(module) == bits(finished[0])
    assert figures(results) == figures(finished[1])
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_finished_checkpoint_returns_at_once(tmp_path, finished):
    path = tmp_path / "checkpoint.pt"
    trainer(path).run()
    reports = []
    module, results = trainer(path, reports.append).run()
    assert reports == []
    assert bits(module) == bits(finished[0])
    assert figures(results) == figures(finished[1])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint.pt"
    trainer(path, only=("dense",)).run()
    return path.read_bytes()


def resume(path, **options):
    return trainer(path, only=("dense",), **options).run()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_checkpoint(tmp_path, checkpoint, share):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(checkpoint[: int(share * len(checkpoint))])
    with pytest.raises(FileFormatError, match=r"checkpoint.pt: (the|not a) checkpoint.*Delete it or name another"):
        resume(path)
    assert len(path.read_bytes()) == int(share * len(checkpoint))


def test_a_flipped_bit(tmp_path, checkpoint):
    path = tmp_path / "checkpoint.pt"
    for place in [0, 20, 30, *np.random.default_rng(0).integers(0, len(checkpoint), 60)]:
        damaged = bytearray(checkpoint)
        damaged[place] ^= 0x10
        path.write_bytes(bytes(damaged))
        with pytest.raises(FileFormatError, match=r"damaged: its SHA-256|not a checkpoint of this version"):
            resume(path)


def seal(payload: bytes) -> bytes:
    return MAGIC + hashlib.sha256(payload).digest() + payload


def dump(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return seal(buffer.getvalue())


def test_a_checkpoint_that_would_run_code(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    path = tmp_path / "checkpoint.pt"
    for content in (dump({"format": Bomb()}), seal(pickle.dumps(Bomb(), protocol=2))):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match="cannot be decoded"):
            resume(path)
    assert not (tmp_path / "exploded").exists()


def test_a_foreign_checkpoint(tmp_path, checkpoint):
    path = tmp_path / "checkpoint.pt"
    torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(FileFormatError, match="not a checkpoint of this version"):
        resume(path)
    path.write_bytes(dump([1, 2]))
    with pytest.raises(FileFormatError, match="holds a list, expected a dict"):
        resume(path)
    path.write_bytes(checkpoint)
    with pytest.raises(FileFormatError, match="checkpoint of recipe 'blobs', expected 'other'"):
        resume(path, recipe="other")
    with pytest.raises(FileFormatError, match=r"other knobs: batch 32 \(now 33\)"):
        resume(path, knobs=dataclasses.replace(SHORT, batch=33))


@pytest.mark.parametrize(
    ("key", "value"),
    [("modules", {"dense": {}}), ("stage", "one"), ("optimizer", {"state": 1}), ("random", None), ("results", 3),
     ("epoch", -1), ("stage", -3)],
)  # fmt: skip
def test_a_checkpoint_with_wrong_content(tmp_path, checkpoint, key, value):
    path = tmp_path / "checkpoint.pt"
    content = torch.load(io.BytesIO(checkpoint[len(MAGIC) + 32 :]), weights_only=True)
    for changed in ({**content, key: value}, {k: v for k, v in content.items() if k != key}):
        path.write_bytes(dump(changed))
        with pytest.raises(FileFormatError, match="does not fit this network"):
            resume(path)


def test_an_unknown_recipe_suggests_the_nearest():
    with pytest.raises(UserError, match=r"unknown recipe 'imu-userid'.*Did you mean 'imu-user-id'"):
        train("imu-userid", KNOBS["imu-user-id"]())


def test_variational_layers_are_swapped_in_for_the_sparse_stage():
    run = trainer(knobs=dataclasses.replace(SHORT, dense_epochs=1, sparse_epochs=1))
    run.run()
    assert type(run.state.modules["sparse"][6]) is VariationalLinear


@pytest.mark.parametrize("kind", [Knobs, InBlocks])
def test_the_knobs_threshold_is_the_priors_and_variances_have_a_rate_and_no_decay_of_their_own(kind):
    knobs = kind(**{**dataclasses.asdict(SHORT), "threshold": 1.5})
    stage = next(stage for stage in trainer(knobs=knobs).stages if stage.name == "sparse")
    module = stage.prepare({"dense": network(blobs())})
    assert [posterior.threshold for _, _, posterior in variational_weights(module)] == [1.5, 1.5]
    weights, variances = stage.groups(module)
    assert (weights["lr"], variances["lr"], variances["weight_decay"]) == (1e-2, 0.1, 0.0)
    assert {id(p) for p in variances["params"]} == {id(p.log_sigma2) for _, _, p in variational_weights(module)}


@pytest.mark.parametrize(
    ("make", "shape", "weights"),
    [(imu_user_id_network, (6, 128), 24_128 - 0), (mnist_lenet300_network, (1, 28, 28), 266_200)],
)
def test_the_recipes_networks_export_with_a_free_batch(make, shape, weights):
    x = np.random.default_rng(0).normal(size=(8, *shape)).astype(np.float32)
    y = np.zeros(8, np.int64)
    module = make(Dataset(x, y, x, y, x, y, classes=10)).eval()
    batch = torch.export.Dim("batch", min=1)
    exported = torch.export.export(module, (torch.from_numpy(x[:2]),), dynamic_shapes=({0: batch},))
    torch.testing.assert_close(exported.module()(torch.from_numpy(x)), module(torch.from_numpy(x)))
    counted = sum(p.numel() for name, p in module.named_parameters() if p.ndim > 1)
    assert counted == weights


def test_calibration_samples_are_training_samples():
    data = blobs()
    samples = calibration_samples(data)
    assert samples.shape == (400, 3, 16)
    assert np.array_equal(samples[0], data.x_train[0])
    assert np.array_equal(samples[-1], data.x_train[-1])
