"""imu-user-id: the split is what it says, and nothing but the known file is ever unpickled."""

import os

import numpy as np
import pytest

from tinybayes.datasets import Dataset, imu_user_id, imu_user_id_by_recording
from tinybayes.datasets.watch_windows import recordings, windows
from tinybayes.errors import FileFormatError, ToolError

MODULE = "tinybayes.datasets.watch_windows"


@pytest.fixture(scope="module")
def data() -> Dataset:
    return imu_user_id()


def test_shapes_and_counts(data):
    assert (data.x_train.shape, data.x_validation.shape, data.x_test.shape) == (
        (1925, 6, 128),
        (325, 6, 128),
        (938, 6, 128),
    )
    assert data.x_train.dtype == np.float32
    assert data.y_test.dtype == np.int64
    for y in (data.y_train, data.y_validation, data.y_test):
        assert set(y) == set(range(10))
    # Raw units: g and rad/s, not standardised.
    assert data.x_train.std(axis=(0, 2)) == pytest.approx([0.90, 0.49, 0.54, 0.98, 2.5, 1.05], rel=0.05)


def test_windows_are_not_padded_and_lie_at_the_stride():
    samples = np.arange(300 * 6, dtype=np.float32).reshape(300, 6)
    cut = windows(samples, 64)
    assert cut.shape == (3, 6, 128)
    assert np.array_equal(cut[2], samples[128:256].T)
    assert windows(samples[:127], 64).shape == (0, 6, 128)
    assert windows(samples, 16).shape == (11, 6, 128)


def test_no_window_crosses_a_cut(data):
    rows = {"train": 0, "validation": 0, "test": 0}
    for recording in recordings():
        cut = int(0.7 * len(recording.samples))
        validation_cut = cut - int(0.2 * cut)
        parts = {
            "train": (0, validation_cut),
            "validation": (validation_cut, cut),
            "test": (cut, len(recording.samples)),
        }
        for part, (first, last) in parts.items():
            for start in range(first, last - 127, 64):
                x, y = getattr(data, f"x_{part}")[rows[part]], getattr(data, f"y_{part}")[rows[part]]
                assert np.array_equal(x, recording.samples[start : start + 128].T)
                assert y == recording.subject
                rows[part] += 1
    assert rows == {"train": 1925, "validation": 325, "test": 938}


def test_a_finer_stride_adds_training_windows_only(data):
    finer = imu_user_id(train_stride=32)
    assert len(finer.x_train) > 1.8 * len(data.x_train)
    assert np.array_equal(finer.x_test, data.x_test)
    assert np.array_equal(finer.x_validation, data.x_validation)


def test_a_last_run_trains_on_the_whole_training_part(data):
    everything = imu_user_id(train_on_validation=True)
    assert everything.trains_on_validation
    assert np.array_equal(everything.x_test, data.x_test)
    assert np.array_equal(everything.x_validation, data.x_validation)
    test_windows = {x.tobytes() for x in everything.x_test}
    assert len(everything.x_train) == 2459
    assert not test_windows & {x.tobytes() for x in everything.x_train}


def test_the_other_split_keeps_recordings_whole():
    by_recording, everything = imu_user_id_by_recording(), recordings()
    total = sum(len(windows(recording.samples, 64)) for recording in everything)
    parts = (by_recording.x_train, by_recording.x_validation, by_recording.x_test)
    assert sum(map(len, parts)) == total == 3605
    starts = {recording.samples[:128].T.tobytes() for recording in everything}
    assert [sum(x.tobytes() in starts for x in part) for part in parts] == [80, 20, 40]


def test_a_file_of_other_content_is_never_unpickled(tmp_path, monkeypatch):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    path = tmp_path / "watch_dataset.npy"
    np.save(path, np.array({"X": Bomb()}, dtype=object), allow_pickle=True)
    monkeypatch.setattr(f"{MODULE}.data_file", lambda: path)
    with pytest.raises(FileFormatError, match=r"sha256 is .* expected eb122f23.*pip install"):
        imu_user_id()
    assert not (tmp_path / "exploded").exists()


def test_missing_seglearn_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"pip install 'seglearn==1\.2\.5'"):
        imu_user_id()
