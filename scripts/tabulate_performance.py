"""Fills the tables of docs/performance.md from what was measured and fitted.

.venv/bin/python scripts/bench.py --json out/bench.json
.venv/bin/python scripts/random_plans.py --json out/random_plans.json
.venv/bin/python scripts/tabulate_performance.py
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.cost_fitting import worst_of  # noqa: E402
from scripts.tables import fill, table  # noqa: E402
from tinybayes.plan.core_class import CORE_CLASSES, CoreClass  # noqa: E402
from tinybayes.plan.cost_conv import CONV_TERMS  # noqa: E402
from tinybayes.plan.cost_linear import LINEAR_TERMS  # noqa: E402

PAGE = ROOT / "docs" / "performance.md"
PLAN = ROOT / "tinybayes" / "plan"
CORES = {"m0": "M0", "m0plus": "M0+", "m3": "M3", "m4": "M4", "m55": "M55"}
CLASSES: Mapping[CoreClass, str] = {"armv6m": "Armv6-M", "armv7m": "Armv7-M", "dsp": "DSP", "mve": "MVE"}
Result = Mapping[str, Any]


def amount(value: float, unit: str) -> str:
    """A figure and its unit."""
    if unit in ("spread", "of dense"):
        return f"{100 * value:.1f} %"
    if "/" in unit or unit == "seconds":
        return f"{value:.2f} {unit}"
    return f"{value:,.0f} {unit.replace('_', ' ')}"


def bars(results: list[Result], wanted: Callable[[Result], bool]) -> Iterator[tuple[str, ...]]:
    """A row for each bar that is ``wanted``."""
    for result in filter(wanted, results):
        unit = result["unit"]
        most = amount(result["most"], unit)
        yield result["name"], CORES[result["core"]], amount(result["got"], unit), most


def plans(findings: list[Result]) -> Iterator[tuple[str, ...]]:
    """A row for each network and core."""
    for found in findings:
        yield (
            found["network"],
            CORES[found["core"]],
            str(found["plans"]),
            f"{found['behind']:+.1%}".replace("%", " %"),
            f"{found['farthest_off']:.1%}".replace("%", " %"),
            str(found["wrong_bytes"]),
        )


def estimates(op: str, formats: Iterator[str]) -> Iterator[tuple[str, ...]]:
    """How far the formulas of each format were off at most, by class of core."""
    text = (PLAN / f"coefficients_{op}.py").read_text(encoding="utf-8")
    name = f"{op.upper()}_COEFFICIENTS"
    for weight_format in formats:
        cells = []
        for core in CORE_CLASSES:
            worst = worst_of(text, name, core, weight_format)
            cells.append("" if worst is None else f"{100 * worst:.1f}")
        yield weight_format, *cells


def main() -> None:
    """Rewrites the page."""
    results = json.loads((ROOT / "out" / "bench.json").read_text(encoding="utf-8"))
    findings = json.loads((ROOT / "out" / "random_plans.json").read_text(encoding="utf-8"))
    headings = ("Network", "Core", "Measured", "Bar")
    fully_connected = ("LeNet-300", "mnist-lenet300", "700-", "64x256")
    of_scale = ("spread", "seconds")
    tables = {
        "fully connected": table(
            headings, bars(results, lambda r: r["name"].startswith(fully_connected) and r["unit"] not in of_scale)
        ),
        "convolutions": table(
            headings,
            bars(
                results,
                lambda r: (
                    r["name"].startswith(("LeNet-5", "mnist-lenet5", "IMU", "DS-CNN")) and r["unit"] not in of_scale
                ),
            ),
        ),
        "scale": table(headings, bars(results, lambda r: r["unit"] in of_scale)),
        "choices": table(
            ("Network", "Core", "Plans", "Chosen, of the best", "Predicted cycles off by at most", "Wrong bytes"),
            plans(findings),
        ),
        "estimates of linear layers": table(
            ("Format", *CLASSES.values()), estimates("linear", (name for _, name in LINEAR_TERMS))
        ),
        "estimates of convolutions": table(
            ("Format", *CLASSES.values()), estimates("conv", (name for _, name in CONV_TERMS))
        ),
    }
    page = PAGE.read_text(encoding="utf-8")
    for name, text in tables.items():
        if f"<!-- {name} -->" not in page:
            raise SystemExit(f"{PAGE} has no place for the table {name!r}")
        page = fill(page, name, text)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
