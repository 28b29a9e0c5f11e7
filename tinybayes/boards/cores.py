"""The cores that networks are compiled for: one table of names, compiler flags and floating-point units."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Core:
    """A Cortex-M core as compiler and firmware see it.

    ``gcc_flags`` is everything that selects the core, in the order that the compiler gets it; ``fpu`` is GCC's
    name of the floating-point unit or ``"none"``; ``architecture`` is Arm's name of the instruction set.
    ``gcc_flags_without_fpu`` is for chips whose maker left the unit out.
    """

    name: str
    short_name: str
    architecture: str
    fpu: str
    gcc_flags: tuple[str, ...]
    gcc_flags_without_fpu: tuple[str, ...]


def _core(short_name: str, architecture: str, fpu: str = "none", *float_flags: str) -> Core:
    name = f"cortex-{short_name}"
    # GCC takes the unit of the core's largest variant unless told otherwise; its integer vectors go with it.
    less = {"none": "", "mve": "+nomve+nofp"}.get(fpu, "+nofp")
    flags, without_fpu = (f"-mcpu={name}", *float_flags, "-mthumb"), (f"-mcpu={name}{less}", "-mthumb")
    return Core(name, short_name, architecture, fpu, flags, without_fpu)


CORES: Mapping[str, Core] = MappingProxyType(
    {
        core.name: core
        for core in (
            _core("m0", "armv6-m"),
            _core("m0plus", "armv6-m"),
            _core("m3", "armv7-m"),
            _core("m4", "armv7e-m", "fpv4-sp-d16", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
            _core("m7", "armv7e-m", "fpv5-sp-d16", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
            # For the Armv8-M cores GCC derives the unit from -mcpu.
            _core("m33", "armv8-m.main", "fpv5-sp-d16", "-mfloat-abi=hard"),
            _core("m55", "armv8.1-m.main", "mve", "-mfloat-abi=hard"),
        )
    }
)
"""Every core by its full name, ``"cortex-m4"``."""
