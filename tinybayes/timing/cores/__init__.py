"""The timing tables of the cores, one module each; every figure names the document it is from."""

from collections.abc import Mapping
from types import MappingProxyType

from tinybayes.errors import InternalError
from tinybayes.timing.core_model import CoreModel
from tinybayes.timing.cores.m0 import CORTEX_M0, CORTEX_M0_SLOW_MULTIPLIER
from tinybayes.timing.cores.m0plus import CORTEX_M0PLUS, CORTEX_M0PLUS_SLOW_MULTIPLIER
from tinybayes.timing.cores.m3 import CORTEX_M3
from tinybayes.timing.cores.m4 import CORTEX_M4
from tinybayes.timing.cores.m7 import CORTEX_M7
from tinybayes.timing.cores.m33 import CORTEX_M33
from tinybayes.timing.cores.m55 import CORTEX_M55

MODELS: Mapping[str, CoreModel] = MappingProxyType(
    {model.core: model for model in (CORTEX_M0, CORTEX_M0PLUS, CORTEX_M3, CORTEX_M4, CORTEX_M7, CORTEX_M33, CORTEX_M55)}
)
"""The model of every core by its full name, with the fast multiplier where the core comes with either."""

_SLOW: Mapping[str, CoreModel] = MappingProxyType(
    {model.core: model for model in (CORTEX_M0_SLOW_MULTIPLIER, CORTEX_M0PLUS_SLOW_MULTIPLIER)}
)


def model_of(core: str, multiplier_cycles: int = 1) -> CoreModel:
    """The model of ``core`` (``"cortex-m4"``). ``multiplier_cycles`` is 32 for an M0 or M0+ made with the small one.

    Raises InternalError for a core without a model.
    """
    models = MODELS if multiplier_cycles == 1 else _SLOW
    if core not in models:
        raise InternalError(f"there is no timing model of the {core} with a multiplier of {multiplier_cycles} cycles")
    return models[core]
