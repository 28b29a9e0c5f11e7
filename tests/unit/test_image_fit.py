"""Images within limits: planned again until they fit, and what is said where none does."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.golden.networks import three_formats
from tests.networks import Builder
from tinybayes.boards import load_board, load_target
from tinybayes.errors import LimitError
from tinybayes.image_fit import MOST_BUILDS, Measured, fit_image
from tinybayes.ir import Graph
from tinybayes.pipeline import compile_network
from tinybayes.plan import Limits, Plan, make_plan
from tinybayes.plan.front import every_candidate

BOARD = load_board("mps2-an386")
FIRMWARE_BYTES = 900
OTHER_RAM_BYTES = 300
CODE_BYTES = {
    "linear_huffman": 700,
    "linear_index": 330,
    "linear_dense": 150,
    "linear_straight": 30,
    "linear_delta": 350,
}


def network() -> Graph:
    chain = Builder(np.random.default_rng(1), (200,), density=0.15, levels=12)
    return chain.linear(30, "uint8").linear(20, "uint8").linear(5).graph()


def measured(plan: Plan) -> Measured:
    code_bytes = {step.name: CODE_BYTES.get(step.kernel, 400) for step in plan.steps}
    flash_bytes = plan.weights_bytes + sum(code_bytes.values()) + FIRMWARE_BYTES
    return Measured(plan, flash_bytes, plan.arena_bytes + OTHER_RAM_BYTES, code_bytes)


def images() -> list[tuple[int, int]]:
    """Flash and estimated cycles of every plan."""
    return [
        (
            sum(c.size_bytes + sum(CODE_BYTES.get(s.kernel, 400) for s in c.steps) for c in chosen) + FIRMWARE_BYTES,
            sum(c.estimated_cycles for c in chosen),
        )
        for chosen in product(*every_candidate(network(), "cortex-m4"))
    ]


def cycles(plan: Plan) -> int:
    return sum(step.estimated_cycles for step in plan.steps)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3, 0.7])
def test_few_builds_find_an_image_within_the_limit_that_is_close_to_the_fastest(share: float) -> None:
    sizes = [size for size, _ in images()]
    fastest = make_plan(network(), "latency", "cortex-m4")
    limit = round(min(sizes) + share * (measured(fastest).flash_bytes - min(sizes)))
    builds: list[Plan] = []

    def measure(plan: Plan) -> Measured:
        builds.append(plan)
        return measured(plan)

    first = make_plan(network(), "latency", "cortex-m4", limits=Limits(flash_bytes=limit))
    found = fit_image(first, Limits(flash_bytes=limit), measure)
    assert found.flash_bytes <= limit
    assert len(builds) <= MOST_BUILDS
    assert found.plan.objective == "latency"
    best = min(taken for size, taken in images() if size <= limit)
    assert cycles(found.plan) <= 1.1 * best


def test_where_nothing_fits_the_smallest_image_is_told() -> None:
    least = min(size for size, _ in images())
    limits = Limits(flash_bytes=least - 1)
    found = fit_image(make_plan(network(), "latency", "cortex-m4", limits=limits), limits, measured)
    assert not found.fits(limits)
    assert found.flash_bytes == least
    worst = max(found.plan.steps, key=lambda step: step.weights_bytes + found.code_bytes[step.name])
    assert found.excess_text(limits) == (
        f"takes {least} bytes of flash, 1 more than the {least - 1} of --max-flash. Layer {worst.name!r} takes most "
        f"flash, {worst.weights_bytes} bytes of weights and {found.code_bytes[worst.name]} of code"
    )


def test_ram_beside_the_arena_is_learned_from_the_image() -> None:
    graph = Builder(np.random.default_rng(3), (12, 12, 3), density=0.5, levels=12).conv(4, (3, 3), padding=(1,) * 4)
    graph = graph.conv(4, (3, 3), padding=(1,) * 4).flatten().linear(3).graph()
    fast = make_plan(graph, "latency", "cortex-m4")
    with pytest.raises(LimitError) as caught:
        make_plan(graph, "latency", "cortex-m4", limits=Limits(ram_bytes=1))
    least = int(re.search(r"at best (\d+) bytes of arena", str(caught.value))[1])  # type: ignore[index]
    assert least < fast.arena_bytes
    for arena_bytes in (least, fast.arena_bytes):
        limits = Limits(ram_bytes=arena_bytes + OTHER_RAM_BYTES)
        found = fit_image(fast, limits, measured)
        assert found.ram_bytes <= arena_bytes + OTHER_RAM_BYTES
    assert found.plan is fast
    assert re.fullmatch(
        rf"takes {found.ram_bytes} bytes of RAM, 1 more than the {found.ram_bytes - 1} of --max-ram\. "
        r"Layer 'layer\.\d.*' holds most, \d+ bytes of the arena at once",
        found.excess_text(Limits(ram_bytes=found.ram_bytes - 1)),
    )
    with pytest.raises(LimitError, match=f"which with {OTHER_RAM_BYTES} bytes of other variables and stack is 1 more"):
        fit_image(fast, Limits(ram_bytes=least + OTHER_RAM_BYTES - 1), measured)


def test_what_compiles_within_limits_builds_within_them(tmp_path: Path) -> None:
    fast = compile_network(three_formats(), BOARD, tmp_path / "fast", objective="latency", protocol="none")
    fast.build()
    image_bytes, ram_bytes = fast.record["flash"]["image_bytes"], fast.record["ram"]["total_bytes"]
    limited = compile_network(
        three_formats(), BOARD, tmp_path / "limited", objective="latency", protocol="none",
        max_flash_bytes=image_bytes - 1, max_ram_bytes=ram_bytes,
    )  # fmt: skip
    assert limited.record["limits"]["image_measured"] is True
    assert fast.record["limits"]["image_measured"] is None
    limited.build()
    assert limited.record["flash"]["image_bytes"] < image_bytes
    with pytest.raises(LimitError, match=r"of RAM.* of --max-ram|--max-ram cannot be met"):
        compile_network(
            three_formats(), BOARD, tmp_path / "none", protocol="none", max_ram_bytes=ram_bytes - fast.plan.arena_bytes
        )
    assert not (tmp_path / "none").exists()


def test_without_a_compiler_constants_alone_are_bounded_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    made = compile_network(three_formats(), load_target("cortex-m4"), tmp_path / "out", max_flash_bytes=150)
    assert made.record["limits"]["image_measured"] is False
