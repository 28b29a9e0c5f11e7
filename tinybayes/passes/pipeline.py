"""The passes in order: float network -> integer network without anything dead in it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tinybayes.ir import Graph, verify
from tinybayes.passes.fold_batchnorm import fold_batchnorm
from tinybayes.passes.last_states import keep_last_states
from tinybayes.passes.pool_first import pool_first
from tinybayes.passes.quantize import quantize
from tinybayes.passes.remove_dead import remove_dead


def to_integer(
    graph: Graph,
    calibration: npt.NDArray[np.floating] | None,
    *,
    bias_bits: int = 16,
    per_channel: bool = True,
    recurrent_bits: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> Graph:
    """The integer network for a float network as the frontend delivers it: folded, quantized, dead parts removed.

    ``per_channel``: whether weights have a scale for each output channel, or one for each layer;
    ``recurrent_bits``: how many bits of their hidden states recurrent layers multiply with (8 or 16).
    ``calibration``: real inputs (samples, *torch input shape), float; ``progress``: called with (done, samples).
    Raises UserError, UnsupportedError and LimitError as the passes do.
    """
    graph = verify(pool_first(verify(keep_last_states(verify(fold_batchnorm(graph))))))
    graph = quantize(
        graph,
        calibration,
        bias_bits=bias_bits,
        per_channel=per_channel,
        recurrent_bits=recurrent_bits,
        progress=progress,
    )
    return verify(remove_dead(verify(graph)))
