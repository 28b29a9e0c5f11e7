"""Reads data files: ``.npz`` with ``x`` and optionally ``y``, or the test part of a recipe's data by its name."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinybayes.datasets.dataset import Dataset, Floats, Labels
from tinybayes.datasets.fashion_files import fashion_mnist
from tinybayes.datasets.mnist_files import mnist
from tinybayes.datasets.watch_windows import imu_user_id
from tinybayes.errors import FileFormatError, UserError, did_you_mean

_BY_RECIPE = {
    "imu-user-id": imu_user_id,
    "imu-user-id-blocks": imu_user_id,
    "mnist-lenet300": mnist,
    "mnist-lenet300-low": mnist,
    "mnist-lenet5": mnist,
    "mnist-lenet5-small": mnist,
    "fashion-lenet5": fashion_mnist,
}
_WRITE_IT = "write it with numpy.savez(path, x=...)"


@dataclass(frozen=True, eq=False)
class Samples:
    """``x`` float32 (samples, *torch input shape); ``y`` int64 (samples,), or None where there are no labels."""

    x: Floats
    y: Labels | None


def recipe_data(recipe: str) -> Dataset:
    """The data of a recipe, as its defaults cut it."""
    if recipe not in _BY_RECIPE:
        raise UserError(f"there is no recipe {recipe!r}; there are {', '.join(_BY_RECIPE)}")
    return _BY_RECIPE[recipe]()


def read_samples(source: str, shape: tuple[int, ...]) -> Samples:
    """Samples from the file ``source``, or the test part of the recipe named ``source``.

    ``shape`` is what one sample must have. Raises UserError or FileFormatError that says what was got and wanted.
    """
    if source in _BY_RECIPE:
        data = recipe_data(source)
        samples = Samples(data.x_test, data.y_test)
    else:
        samples = read_file(Path(source))
    if samples.x.shape[1:] != shape:
        raise UserError(f"{source}: x has samples of shape {samples.x.shape[1:]}, the network takes {shape}")
    if not np.isfinite(samples.x).all():
        bad = int((~np.isfinite(samples.x)).reshape(len(samples.x), -1).any(axis=1).argmax())
        raise UserError(f"{source}: x holds NaN or infinity, first in sample {bad}; remove or repair that sample")
    return samples


def read_file(path: Path) -> Samples:
    """Samples from an .npz file; FileFormatError or UserError where it is missing or not what it should be."""
    if not path.is_file():
        raise UserError(f"there is no file {path}, nor a recipe of that name.{did_you_mean(str(path), _BY_RECIPE)}")
    if not zipfile.is_zipfile(path):
        raise FileFormatError(f"{path} is no .npz file; {_WRITE_IT}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if "x" not in archive:
                raise FileFormatError(
                    f"{path}: wanted an .npz file with an array 'x', got {', '.join(archive.files) or 'nothing'}"
                )
            x = archive["x"]
            y = archive.get("y")
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise FileFormatError(f"{path} cannot be read as .npz ({error}); {_WRITE_IT}") from error
    if x.dtype != np.float32 or x.ndim < 2 or not len(x):
        raise FileFormatError(f"{path}: x must be float32 (samples, ...), at least one sample; got {x.dtype} {x.shape}")
    if y is not None and (y.ndim != 1 or len(y) != len(x) or not np.issubdtype(y.dtype, np.integer)):
        raise FileFormatError(f"{path}: y must be {len(x)} integer labels, got {y.dtype} {y.shape}")
    return Samples(x, None if y is None else y.astype(np.int64))
