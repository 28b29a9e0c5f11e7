"""The idx format of the MNIST family: big-endian sizes, then bytes."""

import struct
from collections.abc import Sequence

import numpy as np

from tinybayes.datasets.dataset import Dataset, Floats, Labels

VALIDATION = 5_000
_IMAGES_HEADER_BYTES, _LABELS_HEADER_BYTES = 16, 8


def idx_dataset(files: Sequence[bytes]) -> Dataset:
    """The dataset in ``files``: training images and labels, test images and labels, checked by their digests before.

    The last 5,000 training samples validate. ``x`` is (n, 1, height, width) in [0, 1].
    """
    x, y = _images(files[0]), _labels(files[1])
    cut = len(x) - VALIDATION
    return Dataset(x[:cut], y[:cut], x[cut:], y[cut:], _images(files[2]), _labels(files[3]), classes=10)


def _images(raw: bytes) -> Floats:
    _, count, height, width = struct.unpack(">4I", raw[:_IMAGES_HEADER_BYTES])
    pixels = np.frombuffer(raw, np.uint8, offset=_IMAGES_HEADER_BYTES).reshape(count, 1, height, width)
    return pixels.astype(np.float32) / np.float32(255)


def _labels(raw: bytes) -> Labels:
    return np.frombuffer(raw, np.uint8, offset=_LABELS_HEADER_BYTES).astype(np.int64)
