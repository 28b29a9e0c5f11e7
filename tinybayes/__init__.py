"""tinybayes: Bayesian-sparsified networks compiled to verified Cortex-M firmware.

>>> import tinybayes                                                            # doctest: +SKIP
>>> deployment = tinybayes.compile(module, board="mps2-an386", calibration=x)   # doctest: +SKIP
>>> deployment.build(), deployment.verify(on=("host", "qemu"))                  # doctest: +SKIP
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from torch import nn

    from tinybayes.deployment import Deployment

__version__ = "0.1.0"


def compile(
    model: "str | Path | nn.Module",
    *,
    board: str,
    calibration: "npt.NDArray[np.float32] | None" = None,
    objective: str = "balanced",
    out: "str | Path | None" = None,
    name: str = "network",
    protocol: str | None = None,
    per_channel: bool = True,
    recurrent_bits: int = 8,
) -> "Deployment":
    """Compile a network for a board, as ``tinybayes compile`` does.

    ``model`` is a ``.tbn`` or ``.pt2`` file, ``"module:callable"``, or a torch module in evaluation mode.
    ``calibration`` is float32 (samples, *shape the module takes*), not needed for a ``.tbn``. ``out`` is a new or
    empty directory; without it, a temporary one that stays until you remove it. ``protocol`` is ``"frames"``, the
    default for boards, or ``"none"``, the only one for a core alone (``board="cortex-m4"``).
    ``per_channel=False`` gives weights one scale for each layer instead of one for each output channel: smaller, and
    less accurate; a ``.tbn`` has its scales. ``recurrent_bits=16`` makes recurrent layers multiply all 16 bits of their
    hidden states instead of 8 that are rounded: more accurate, and slower; a ``.tbn`` has its bits.

    Raises UserError and its kinds for bad input, LimitError where the network does not fit the board.
    """
    import tempfile
    from pathlib import Path

    from tinybayes.boards import load_target
    from tinybayes.pipeline import compile_network, load_network

    target = load_target(board)
    graph = load_network(model, calibration, per_channel=per_channel, recurrent_bits=recurrent_bits)
    directory = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="tinybayes-"))
    return compile_network(graph, target, directory, objective=objective, name=name, protocol=protocol)
