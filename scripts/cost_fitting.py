"""What the fits of cost formulas share: the boards that stand for classes of cores, the solver, the file of data."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from tinybayes.plan.core_class import CoreClass

BOARDS: dict[CoreClass, str] = {
    "armv6m": "microbit",
    "armv7m": "mps2-an385",
    "dsp": "mps2-an386",
    "mve": "mps3-an547",
}
Samples = list[tuple[tuple[int, ...], float]]
"""Terms and cycles of a step each."""
Fitted = tuple[tuple[float, ...], float]
"""Coefficients, and the largest relative error."""
Tables = Mapping[CoreClass, Mapping[str, Fitted]] | Mapping[CoreClass, Mapping[tuple[str, str], Fitted]]
"""By class of core and operator, or operator and weight format."""


def fit(samples: Samples) -> Fitted:
    """Coefficients, none below zero, that make the relative errors least, and the worst of these."""
    matrix, target = np.array([terms for terms, _ in samples], float), np.array([cycles for _, cycles in samples])
    coefficients, _ = nnls(matrix / target[:, None], np.ones(len(target)))
    worst = float(np.abs(matrix @ coefficients / target - 1).max())
    return tuple(round(float(c), 2) for c in coefficients), worst


def write_coefficients(target: Path, **tables: Tables) -> None:
    """Writes a module with tables of coefficients, by class of core, and how far each was off at worst."""
    lines = [
        '"""Coefficients of cost formulas, in cycles at zero wait states: written by ``scripts/fit_*_cost.py``."""',
        "",
        "from tinybayes.plan.core_class import CoreClass",
    ]
    for name, fitted in tables.items():
        (kind,) = {type(key) for table in fitted.values() for key in table}
        key_type = "str" if kind is str else "tuple[str, str]"
        lines += ["", f"{name}: dict[CoreClass, dict[{key_type}, tuple[float, ...]]] = {{"]
        for core, table in fitted.items():
            lines.append(f'    "{core}": {{')
            for key, (coefficients, worst) in table.items():
                numbers = ", ".join(f"{c:.2f}" for c in coefficients)
                lines.append(f"        {key!r}: ({numbers}),  # within {worst:.1%}".replace("'", '"'))
            lines.append("    },")
        lines.append("}")
    target.write_text("\n".join([*lines, ""]), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(target)], check=True)


def worst_of(text: str, table: str, core: CoreClass, weight_format: str) -> float | None:
    """How far a formula was off when it was fitted, as the module of coefficients says; None where there is none."""
    of_core = text.partition(f"{table}:")[2].partition(f'"{core}": {{')[2].partition("\n    },")[0]
    behind = of_core.partition(f'"{weight_format}"')[2]
    if not behind:
        return None
    return float(behind.partition("# within ")[2].partition("%")[0]) / 100
