"""Functions of one number as tables of codes: one for each of the 256 codes that an 8-bit tensor can hold."""

import numpy as np
import numpy.typing as npt

from tinybayes.ir.functions import FUNCTIONS
from tinybayes.ir.tensor import DType

Real = npt.NDArray[np.float64]


def input_values(dtype: DType, scale: float) -> Real:
    """The real value of every byte 0 .. 255 as a code of ``dtype``: float64 (256,)."""
    stored = np.arange(256, dtype=np.uint8)
    codes = stored.view(np.int8) if dtype == "int8" else stored
    return codes.astype(np.float64) * scale


def table_codes(
    function: str,
    parameters: tuple[float, ...],
    dtype: DType,
    scale: float,
    output_scale: float,
    bounds: tuple[int, int],
) -> npt.NDArray[np.int16]:
    """The code of ``function`` for every byte of the input: int16 (256,).

    ``function`` is a name in ``ir.functions.FUNCTIONS``; input codes are ``dtype`` with ``scale``. Output codes are
    ``value / output_scale`` rounded to nearest, half to even, and clamped to ``bounds``, so that each is within half a
    code of the function.
    """
    values = FUNCTIONS[function].evaluate(input_values(dtype, scale), *parameters)
    codes: npt.NDArray[np.int16] = np.clip(np.rint(values / output_scale), *bounds).astype(np.int16)
    return codes


def exponentials(scale: float) -> npt.NDArray[np.uint16]:
    """``exp(-scale d) 2**15`` rounded to nearest, for d = 0, 1, ... until it is 0: uint16, at most 256 of them."""
    values = np.rint(np.exp(-scale * np.arange(256)) * 2.0**15).astype(np.uint16)
    table: npt.NDArray[np.uint16] = values[: int(np.count_nonzero(values)) + 1]
    return table
