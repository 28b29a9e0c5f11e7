"""Which of ten people wears the watch: seglearn's 140 six-axis recordings (BSD-3), cut into windows."""

import hashlib
import importlib.util
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinybayes.datasets.dataset import Dataset, Floats, Labels
from tinybayes.errors import FileFormatError, ToolError

WINDOW = 128
STRIDE = 64
SAMPLE_RATE_HZ = 50
TRAIN_FRACTION = 0.7
DATA_FILE_SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"


@dataclass(frozen=True)
class Recording:
    """One exercise of one arm of one person: float32 (samples, 6) at 50 Hz, acceleration then angular rate."""

    samples: Floats
    subject: int


def imu_user_id(
    train_stride: int = STRIDE, validation_fraction: float = 0.2, train_on_validation: bool = False
) -> Dataset:
    """Windows of 128x6 split in time inside each recording.

    The first 70 % of a recording trains and the last 30 % tests; the last ``validation_fraction`` of the training part
    validates. No window crosses either cut. Validation and test windows start every 64 samples, training windows every
    ``train_stride``. ``x`` is (windows, 6, 128) in the sensor's own units, ``y`` the person, 0 to 9.
    ``train_on_validation`` trains on the whole first 70 %, for a last run when all is chosen; validation windows are
    then among those trained on.
    Raises ToolError when seglearn is not installed and FileFormatError when its data file is not the known one.
    """
    parts: tuple[list[Recording], list[Recording], list[Recording]] = ([], [], [])
    for recording in recordings():
        cut = int(TRAIN_FRACTION * len(recording.samples))
        validation_cut = cut - int(validation_fraction * cut)
        end = len(recording.samples)
        bounds = ((0, cut if train_on_validation else validation_cut), (validation_cut, cut), (cut, end))
        for part, (first, last) in zip(parts, bounds, strict=True):
            part.append(Recording(recording.samples[first:last], recording.subject))
    return replace(_windowed(*parts, train_stride), trains_on_validation=train_on_validation)


def imu_user_id_by_recording(train_stride: int = STRIDE) -> Dataset:
    """The same windows split by whole recordings: of each person's 14, the first 8 train, 2 validate and 4 test.

    A test recording is an exercise with an arm that the training part has never seen of that person.
    """
    parts: tuple[list[Recording], list[Recording], list[Recording]] = ([], [], [])
    seen = [0] * 10
    for recording in recordings():
        rank = seen[recording.subject]
        seen[recording.subject] += 1
        parts[0 if rank < 8 else 1 if rank < 10 else 2].append(recording)
    return _windowed(*parts, train_stride)


def recordings() -> list[Recording]:
    """All 140 recordings in the order of the file; subjects are numbered from 0."""
    raw = data_file().read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if digest != DATA_FILE_SHA256:
        raise FileFormatError(
            f"{data_file()}: sha256 is {digest}, expected {DATA_FILE_SHA256}; it is not opened, because it holds a "
            "pickle. Reinstall the data with: pip install --force-reinstall 'seglearn==1.2.5'"
        )
    content = np.load(io.BytesIO(raw), allow_pickle=True).item()
    return [
        Recording(np.ascontiguousarray(samples, dtype=np.float32), int(subject) - 1)
        for samples, subject in zip(content["X"], content["subject"], strict=True)
    ]


def data_file() -> Path:
    """Where the installed seglearn keeps its recordings; the package itself is not imported (it would want pandas)."""
    spec = importlib.util.find_spec("seglearn")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "data" / "watch_dataset.npy"
        if path.is_file():
            return path
    raise ToolError(
        "the recordings of imu-user-id come with seglearn, which is not installed: pip install 'seglearn==1.2.5'"
    )


def windows(samples: NDArray[np.float32], stride: int) -> Floats:
    """Cut (samples, channels) into (windows, channels, 128), one window every ``stride`` samples, none padded."""
    starts = range(0, len(samples) - WINDOW + 1, stride)
    cut = [samples[start : start + WINDOW].T for start in starts]
    return np.stack(cut) if cut else np.empty((0, samples.shape[1], WINDOW), np.float32)


def _windowed(
    train: Sequence[Recording], validation: Sequence[Recording], test: Sequence[Recording], train_stride: int
) -> Dataset:
    def cut(part: Sequence[Recording], stride: int) -> tuple[Floats, Labels]:
        pieces = [windows(recording.samples, stride) for recording in part]
        y = [np.full(len(piece), recording.subject, np.int64) for piece, recording in zip(pieces, part, strict=True)]
        return np.ascontiguousarray(np.concatenate(pieces)), np.concatenate(y)

    return Dataset(*cut(train, train_stride), *cut(validation, STRIDE), *cut(test, STRIDE), classes=10)
