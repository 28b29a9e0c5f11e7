from tinybayes.plan.core_class import CoreClass

Coefficients = dict[tuple[str, str], tuple[float, ...]]
LINEAR_COEFFICIENTS: dict[CoreClass, Coefficients] = {"armv6m": {}, "armv7m": {}, "dsp": {}, "mve": {}}
SELECT_COEFFICIENTS: dict[CoreClass, tuple[float, float]] = {
    "armv6m": (8.0, 12.0),
    "armv7m": (7.0, 12.0),
    "dsp": (7.0, 12.0),
    "mve": (7.0, 12.0),
}
