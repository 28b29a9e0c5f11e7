"""The toy network in numpy."""

import zlib

import numpy as np
import numpy.typing as npt

from tinybayes.hil.messages import SELF_TESTS, golden_input

WEIGHTS = (1, 3, 5, 7, 11, 13, 17)


def toy_tensors(values: npt.NDArray[np.int8]) -> list[npt.NDArray[np.uint8]]:
    """What each of the three steps leaves, for one input, int8 (300,)."""
    turned = values.view(np.uint8)[::-1].copy()
    added = turned[:-1] + turned[1:]
    index_sum = sum(range(299))
    output = [(weight * int(added.sum(dtype=np.int64)) + k * index_sum) & 255 for k, weight in enumerate(WEIGHTS)]
    return [turned, added, np.array(output, np.uint8)]


def toy_golden_vectors() -> list[list[int]]:
    """CRC-32 of what each step leaves for the inputs of the device's self-test."""
    inputs = [golden_input(vector, 300) for vector in range(SELF_TESTS)]
    return [[zlib.crc32(tensor.tobytes()) for tensor in toy_tensors(values)] for values in inputs]
