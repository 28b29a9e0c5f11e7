"""Which class a network's output means."""

from typing import Any

import numpy as np
import numpy.typing as npt


def chosen_classes(outputs: npt.NDArray[Any], class_scores: int | None = None) -> npt.NDArray[np.int64]:
    """int64 (samples,) for outputs (samples, elements): the position of the largest, the first of equals.

    An output of a single element is the class already, as a network that ends in argmax writes it. Of a network that
    puts out more than scores of classes, ``class_scores`` says how many of the first elements are such
    (:attr:`tinybayes.ir.Graph.class_scores`); None means all.
    """
    if outputs.shape[-1] == 1:
        return outputs[..., 0].astype(np.int64)
    classes: npt.NDArray[np.int64] = outputs[..., :class_scores].argmax(axis=-1)
    return classes
