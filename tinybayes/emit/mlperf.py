"""What the data files of MLPerf Tiny's benchmarks hold, and how an image takes them.

By the name of the model, as th_load_tensor() of the reference submissions has it (mlcommons/tiny,
benchmark/reference_submissions): `ad01` gets float32 spectra and answers with the mean of the squared differences
between them and the outputs, `ic01` and `vww01` get uint8 pixels, `kws01` gets int8 codes, and so does everything else.
"""

from dataclasses import dataclass

import numpy as np

from tinybayes.errors import UnsupportedError
from tinybayes.ir import Graph

CODES, PIXELS, REALS = "codes", "pixels", "reals"
_KINDS = {"ad01": REALS, "ic01": PIXELS, "vww01": PIXELS}
_PIXELS = 256
_REACH_OF_UNIT_RANGE = 2.0
"""A network whose inputs reach no further than this was made for pixels from 0 to 1, else for pixels from 0 to 255."""


@dataclass(frozen=True)
class MlperfInput:
    """``kind`` of the bytes; for pixels, the code of each value in each channel, (channels, 256)."""

    kind: str = CODES
    pixel_codes: tuple[tuple[int, ...], ...] = ()


def mlperf_input(graph: Graph, name: str) -> MlperfInput:
    """What an image of ``graph`` called ``name`` gets.

    Raises UnsupportedError where ``ad01`` is no network that has as many outputs as inputs.
    """
    kind = _KINDS.get(name, CODES)
    if kind == REALS and graph.input_tensor.elements != graph.output_tensor.elements:
        raise UnsupportedError(
            f"--name {name}: MLPerf Tiny's {name} compares the outputs with the inputs, but the network has "
            f"{graph.output_tensor.elements} outputs and {graph.input_tensor.elements} inputs; choose another name"
        )
    return MlperfInput(kind, _pixel_codes(graph) if kind == PIXELS else ())


def _pixel_codes(graph: Graph) -> tuple[tuple[int, ...], ...]:
    tensor, scaling = graph.input_tensor, graph.input_scaling
    mean = np.zeros(1, np.float32) if scaling is None else scaling.mean
    std = np.ones(1, np.float32) if scaling is None else scaling.std
    reach = float((np.float32(tensor.scale) * tensor.code_range[1] * std + mean).max())
    unit = np.float32(1 / (_PIXELS - 1) if reach <= _REACH_OF_UNIT_RANGE else 1)
    pixels = np.arange(_PIXELS, dtype=np.float32) * unit
    codes = np.rint((pixels[None, :] - mean[:, None]) / std[:, None] / np.float32(tensor.scale))
    return tuple(tuple(int(code) for code in row) for row in np.clip(codes, *tensor.code_range))
