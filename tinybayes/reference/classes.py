"""Which class a network's output means."""

from typing import Any

import numpy as np
import numpy.typing as npt


def chosen_classes(outputs: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """int64 (samples,) for outputs (samples, elements): the position of the largest, the first of equals.

    An output of a single element is the class already, as a network that ends in argmax writes it.
    """
    if outputs.shape[-1] == 1:
        return outputs[..., 0].astype(np.int64)
    classes: npt.NDArray[np.int64] = outputs.argmax(axis=-1)
    return classes
