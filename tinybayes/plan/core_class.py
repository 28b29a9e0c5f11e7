"""Classes of cores: those that run the same kernels, because they have the same instructions for the inner loops."""

from typing import Literal

from tinybayes.boards.cores import CORES
from tinybayes.errors import InternalError

CoreClass = Literal["armv6m", "armv7m", "dsp", "mve"]

CORE_CLASSES: tuple[CoreClass, ...] = ("armv6m", "armv7m", "dsp", "mve")
DEFAULT_CORE = "cortex-m4"

_BY_ARCHITECTURE: dict[str, CoreClass] = {
    "armv6-m": "armv6m",
    "armv7-m": "armv7m",
    "armv7e-m": "dsp",
    "armv8-m.main": "dsp",
    "armv8.1-m.main": "mve",
}


def core_class(core: str) -> CoreClass:
    """The class of a core by its full name: Thumb-1 alone, Thumb-2, with the DSP extension, with vectors (MVE)."""
    if core not in CORES:
        raise InternalError(f"there is no core {core!r}; there are {', '.join(CORES)}")
    return _BY_ARCHITECTURE[CORES[core].architecture]
