"""The recipes by name, and ``train``, which runs one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from tinybayes.datasets import Dataset, fashion_mnist, imu_user_id, imu_user_id_by_recording, mnist
from tinybayes.errors import UserError, did_you_mean
from tinybayes.recipes.evaluation import calibration_samples
from tinybayes.recipes.knobs import KNOBS, Knobs
from tinybayes.recipes.networks import (
    imu_user_id_network,
    lenet5_network,
    lenet5_small_network,
    mnist_lenet300_network,
)
from tinybayes.recipes.trainer import Trainer, side_knobs
from tinybayes.recipes.training import Progress, Trained


@dataclass(frozen=True)
class Recipe:
    """A named training: its network, its data, and the data of its side experiment if it has one."""

    network: Callable[[Dataset], nn.Sequential]
    data: Callable[[Knobs], Dataset]
    side_data: Callable[[Knobs], Dataset] | None = None


RECIPES: dict[str, Recipe] = {
    "imu-user-id": Recipe(
        network=imu_user_id_network,
        data=lambda knobs: imu_user_id(knobs.train_stride, train_on_validation=bool(knobs.refit)),
        side_data=lambda knobs: imu_user_id_by_recording(knobs.train_stride),
    ),
    "imu-user-id-blocks": Recipe(
        network=imu_user_id_network,
        data=lambda knobs: imu_user_id(knobs.train_stride, train_on_validation=bool(knobs.refit)),
        side_data=lambda knobs: imu_user_id_by_recording(knobs.train_stride),
    ),
    "mnist-lenet300": Recipe(network=mnist_lenet300_network, data=lambda knobs: mnist()),
    "mnist-lenet300-low": Recipe(network=mnist_lenet300_network, data=lambda knobs: mnist()),
    "mnist-lenet5": Recipe(network=lenet5_network, data=lambda knobs: mnist()),
    "mnist-lenet5-small": Recipe(network=lenet5_small_network, data=lambda knobs: mnist()),
    "fashion-lenet5": Recipe(network=lenet5_network, data=lambda knobs: fashion_mnist()),
}


def train(
    recipe_name: str,
    knobs: Knobs | None = None,
    *,
    checkpoint: Path | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Trained:
    """Run a recipe to its end, or on from ``checkpoint`` if that file exists; a finished one returns at once.

    The same knobs give the same network on the same machine. On KeyboardInterrupt the checkpoint holds the last
    finished epoch, and the next call repeats the interrupted one exactly. Raises UserError for an unknown recipe,
    FileFormatError for a checkpoint that cannot be used, ToolError when the data cannot be had.
    """
    recipe = RECIPES.get(recipe_name)
    if recipe is None:
        raise UserError(
            f"unknown recipe {recipe_name!r}; there are {', '.join(RECIPES)}.{did_you_mean(recipe_name, RECIPES)}"
        )
    knobs = KNOBS[recipe_name]() if knobs is None else knobs
    data = recipe.data(knobs)
    trainer = Trainer(recipe_name, knobs, data, recipe.network, checkpoint, progress)
    module, results = trainer.run()
    by_recording = None
    if recipe.side_data is not None and knobs.by_recording_epochs > 0:
        by_recording = _side_accuracy(recipe_name, recipe, knobs, checkpoint, progress)
    return Trained(
        recipe=recipe_name,
        module=module,
        dataset=data,
        calibration_x=calibration_samples(data),
        stages=results,
        seed=knobs.seed,
        knobs=knobs,
        by_recording=by_recording,
        curve=trainer.state.curve,
    )


def _side_accuracy(
    name: str, recipe: Recipe, knobs: Knobs, checkpoint: Path | None, progress: Callable[[Progress], None]
) -> float:
    assert recipe.side_data is not None
    path = None if checkpoint is None else checkpoint.with_name(checkpoint.name + ".by-recording")
    data = recipe.side_data(knobs)
    trainer = Trainer(f"{name} by recording", side_knobs(knobs), data, recipe.network, path, progress, only=("dense",))
    return trainer.run()[1]["dense"]["accuracy"]
