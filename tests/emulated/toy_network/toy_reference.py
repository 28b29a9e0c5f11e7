"""The toy network in numpy."""

import numpy as np
import numpy.typing as npt

WEIGHTS = (1, 3, 5, 7, 11, 13, 17)


def toy_tensors(values: npt.NDArray[np.int8]) -> list[npt.NDArray[np.uint8]]:
    """What each of the three steps leaves, for one input, int8 (300,)."""
    turned = values.view(np.uint8)[::-1].copy()
    added = turned[:-1] + turned[1:]
    index_sum = sum(range(299))
    output = [(weight * int(added.sum(dtype=np.int64)) + k * index_sum) & 255 for k, weight in enumerate(WEIGHTS)]
    return [turned, added, np.array(output, np.uint8)]
