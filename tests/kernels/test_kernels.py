"""Generated code against the reference, under AddressSanitizer and UndefinedBehaviorSanitizer, and through cffi."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.networks import Builder, formats_preferring, random_inputs
from tinybayes.emit.calls import CALLS
from tinybayes.emit.directory import write_files
from tinybayes.emit.network import network_files
from tinybayes.ir import Graph, verify
from tinybayes.ir.nodes import INTEGER_OPERATORS
from tinybayes.plan import make_plan
from tinybayes.plan.coefficients_conv import CONV_COEFFICIENTS
from tinybayes.plan.coefficients_linear import LINEAR_COEFFICIENTS
from tinybayes.plan.coefficients_unary import UNARY_COEFFICIENTS
from tinybayes.plan.core_class import CORE_CLASSES
from tinybayes.plan.cost_conv import CONV_TERMS
from tinybayes.plan.cost_linear import LINEAR_TERMS
from tinybayes.plan.cost_unary import UNARY_TERMS
from tinybayes.plan.formats import FORMATS, RECURRENT_FORMATS
from tinybayes.plan.steps import PAD, STEP_OPERATORS
from tinybayes.report.verdict import expect, judge
from tinybayes.run.host import HostRunner, run_sanitized

OBJECTIVES = ("flash", "latency", "balanced")
CORES = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m55")


def check(
    graph: Graph,
    objective: str,
    core: str = "cortex-m4",
    *,
    samples: int = 6,
    sanitize: bool = True,
    formats: dict[str, str | None] | None = None,
) -> list[str]:
    """Asserts equality of all outputs and tensors; returns the kernels that ran."""
    plan = make_plan(verify(graph), objective, core, formats)
    inputs = random_inputs(np.random.default_rng(7), graph, samples).reshape(samples, -1)
    expected = expect(plan, inputs)
    with TemporaryDirectory() as work:
        write_files(Path(work) / "out", network_files(plan, "network"))
        network = Path(work) / "out" / "network"
        if sanitize:
            np.testing.assert_array_equal(run_sanitized(network, "network", inputs), expected.outputs)
        with HostRunner(network, "network") as runner:
            verdict = judge(plan, expected, runner)
    assert verdict.mismatches == 0, str(verdict.first_mismatch)
    return [step.kernel for step in plan.steps]


def builder(draw: st.DrawFn, shape: tuple[int, ...]) -> Builder:
    return Builder(
        np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
        shape,
        density=draw(st.sampled_from((0.02, 0.1, 0.5, 1.0))),
        levels=draw(st.sampled_from((1, 2, 15, 31, 200))),
        per_channel=draw(st.booleans()),
    )


@st.composite
def vector_networks(draw: st.DrawFn) -> Graph:
    size = draw(st.sampled_from((1, 5, 64, 255, 256, 257, 600)))
    chain = builder(draw, (size,))
    if draw(st.booleans()):
        keep = np.flatnonzero(chain.rng.random(size) < 0.5)
        chain.select(keep if keep.size else np.array([size - 1]))
    for _ in range(draw(st.integers(0, 2))):
        chain.linear(draw(st.integers(1, 20)), draw(st.sampled_from(("int8", "uint8"))))
    return chain.linear(draw(st.integers(1, 9))).graph()


@st.composite
def map_networks(draw: st.DrawFn) -> Graph:
    two_dimensions = draw(st.booleans())
    sizes = (draw(st.integers(7, 14)),) * 1 if two_dimensions else ()
    chain = builder(draw, (*sizes, draw(st.integers(8, 20)), draw(st.integers(1, 5))))
    for _ in range(draw(st.integers(1, 2))):
        rows = draw(st.integers(1, 3)) if two_dimensions else 1
        pads = [draw(st.integers(0, 2)) if two_dimensions else 0 for _ in range(2)]
        sides = [draw(st.integers(0, 2)) for _ in range(2)]
        stride = (draw(st.integers(1, 2)) if two_dimensions else 1, draw(st.integers(1, 2)))
        kernel = (rows, draw(st.integers(1, 3)))
        chain.conv(draw(st.integers(1, 9)), kernel, stride, (*pads, *sides), draw(st.sampled_from(("int8", "uint8"))))
        height, width, _ = chain.tensor.hwc
        window = (min(height, draw(st.integers(1, 3))) if two_dimensions else 1, min(width, draw(st.integers(1, 3))))
        kind = draw(st.sampled_from(("none", "max", "average", "overlapping")))
        if kind == "max":
            chain.max_pool(window)
        elif kind == "average":
            chain.average_pool(window)
        elif kind == "overlapping":
            chain.max_pool(window, (1, 1))
        if min(chain.tensor.hwc[1], chain.tensor.hwc[0] if two_dimensions else 99) < 3:
            break
    return chain.flatten().linear(draw(st.integers(1, 5))).graph()


# Without shrinking: an example takes seconds to compile, and the first that fails says enough.
SETTINGS = settings(
    deadline=None,
    max_examples=12,
    derandomize=True,  # the same examples on every machine
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)


@SETTINGS
@given(vector_networks(), st.sampled_from(OBJECTIVES), st.sampled_from(CORES))
def test_vector_networks_agree_with_the_reference(graph: Graph, objective: str, core: str) -> None:
    check(graph, objective, core)


@SETTINGS
@given(map_networks(), st.sampled_from(OBJECTIVES))
def test_map_networks_agree_with_the_reference(graph: Graph, objective: str) -> None:
    check(graph, objective)


@pytest.mark.parametrize("weight_format", sorted({name for _, name in FORMATS}))
def test_every_format_of_every_operator(weight_format: str) -> None:
    core = "cortex-m55" if weight_format in ("gather", "blocks1x16", "sixteens") else "cortex-m4"
    rng = np.random.default_rng(3)
    vector = Builder(rng, (300,)).linear(40, "uint8").linear(6).graph()
    if weight_format == "delta":  # few nonzeros in rows of many tiles: what gaps are smaller for
        vector = Builder(rng, (900,), density=0.02).linear(8).graph()
    kernels = check(vector, "flash", core, formats=formats_preferring(weight_format, vector, core))
    if ("linear", weight_format) in FORMATS:
        assert kernels == [f"linear_{weight_format}"] * len(vector.nodes)
    # Four channels and a padded copy of the input: what blocks of weights want.
    chain = Builder(rng, (9, 12, 8)).conv(8, (3, 3), padding=(1, 1, 1, 1)).max_pool((2, 2)).conv(4, (2, 3), (1, 2))
    plane = chain.average_pool((1, 2)).flatten().linear(3).graph()
    kernels = check(plane, "flash", core, formats=formats_preferring(weight_format, plane, core))
    if ("conv", weight_format) in FORMATS and weight_format != "depthwise":
        assert kernels.count(f"conv_{weight_format}") == 2


@pytest.mark.parametrize("pool", [(1, 1), (2, 1), (1, 2)])
def test_outputs_of_windows_that_do_not_exist_stay_in_scratch(pool: tuple[int, int]) -> None:
    """More channels than a receptive field has bytes, and a number of windows that is no multiple of four."""
    chain = Builder(np.random.default_rng(0), (12, 11, 1), density=1.0, levels=200)
    chain.conv(13, (3, 1), (2, 1), (0, 0, 0, 0), "int8")
    if pool != (1, 1):
        chain.max_pool(pool)
    assert "conv_dense" in check(chain.flatten().linear(2).graph(), "flash")


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("width", [4, 9, 15])
def test_pointwise_convolutions_read_the_map_itself(width: int, core: str) -> None:
    """Four positions at a time from where they lie, the last ones copied; outputs go over what has been read."""
    chain = Builder(np.random.default_rng(width), (width, 3), density=1.0, levels=200, per_channel=True)
    chain.conv(8, (1, 2), dtype="int8").conv(12, (1, 1)).conv(8, (1, 1), dtype="int8").conv(5, (1, 1))
    graph = chain.flatten().linear(3).graph()
    formats = formats_preferring("dense", graph, core)
    read = [step.reads_columns for step in make_plan(verify(graph), "latency", core, formats).steps]
    on_vectors, by_bytes = core == "cortex-m55", core == "cortex-m0"
    assert read == [False, not by_bytes, not on_vectors and not by_bytes, not by_bytes, False]
    check(graph, "latency", core, formats=formats)


@pytest.mark.parametrize("padding", [(0, 0, 0, 2), (0, 0, 2, 0), (2, 2, 0, 0), (2, 2, 2, 2)])
def test_padding_wider_than_the_kernel(padding: tuple[int, int, int, int]) -> None:
    chain = Builder(np.random.default_rng(0), (7, 8, 1), density=1.0, levels=200)
    check(chain.conv(3, (1, 1), padding=padding).flatten().linear(2).graph(), "flash")


def test_a_full_tile_of_256_nonzeros() -> None:
    rng = np.random.default_rng(0)
    graph = Builder(rng, (256,), density=1.0, levels=31).linear(3).graph()
    check(graph, "latency")


def test_a_single_level_and_a_single_nonzero() -> None:
    graph = Builder(np.random.default_rng(0), (40,), density=0.0, levels=1).linear(1).graph()
    assert check(graph, "flash") in (["linear_huffman"], ["linear_index"], ["linear_grouped"])


LINEAR = sorted({name for op, name in FORMATS if op == "linear"})


@pytest.mark.parametrize("weight_format", LINEAR)
def test_fully_connected_shapes(weight_format: str) -> None:
    """257, 256 and 255 columns, one row, 1x1, one column, and empty rows, with one level and with many."""
    core = "cortex-m55" if weight_format in ("gather", "blocks1x16") else "cortex-m4"
    chain = Builder(np.random.default_rng(1), (257,), density=0.05, levels=1)
    chain.linear(256, "uint8")
    chain.levels, chain.per_channel = 9, True
    chain.linear(255).linear(1, "uint8")
    chain.density = 1.0
    chain.linear(1).linear(40, "uint8")
    chain.density = 0.5
    chain.linear(9)
    for node in (chain.nodes[0], chain.nodes[-1]):
        node.weight[[0, -1]] = 0
    graph = chain.graph()
    kernels = check(graph, "flash", core, formats=formats_preferring(weight_format, graph, core))
    assert f"linear_{weight_format}" in kernels


def test_a_matrix_of_zeros_has_formats() -> None:
    chain = Builder(np.random.default_rng(0), (9,)).linear(5)
    chain.nodes[0].weight[:] = 0
    assert check(chain.graph(), "flash") != []


@pytest.mark.slow
@pytest.mark.parametrize("weight_format", LINEAR)
def test_65537_nonzeros(weight_format: str) -> None:
    chain = Builder(np.random.default_rng(0), (512,), density=0.0, levels=6)
    chain.linear(256)
    weight = chain.nodes[0].weight.reshape(-1)
    weight[:] = 0
    places = chain.rng.choice(weight.size, 65_537, replace=False)
    weight[places] = chain.rng.choice([-128, -5, 3, 127], places.size)
    graph = chain.graph()
    core = "cortex-m55" if weight_format in ("gather", "blocks1x16") else "cortex-m4"
    formats = formats_preferring(weight_format, graph, core)
    check(graph, "flash", core, formats=formats, samples=3)


def test_saturating_accumulators() -> None:
    chain = Builder(np.random.default_rng(1), (400,), density=1.0, levels=200).linear(8)
    requant = chain.nodes[0].requant
    object.__setattr__(requant, "pre_shift", 0)
    object.__setattr__(requant, "post_shift", 15)
    check(chain.graph(), "latency")


def test_a_layer_is_called_even_where_gcc_12_takes_its_stores_for_accesses_of_address_0() -> None:
    """Multipliers beside short dense rows: gcc 12 at -O2 found this layer's function free of effects and dropped it."""
    pattern = np.zeros((2, 3, 1, 1), np.int8)
    pattern[1, 1] = -83
    chain = Builder(np.random.default_rng(0), (7, 8, 1), density=1.0, per_channel=True)
    chain.conv(1, (1, 1), padding=(0, 0, 0, 1), dtype="int8").conv(2, (3, 1), dtype="int8")
    object.__setattr__(chain.nodes[1], "weight", pattern)
    check(chain.flatten().linear(1).graph(), "flash", sanitize=False)


def test_the_sides_name_the_same_kernels() -> None:
    macs = {f"{op}_{weight_format}" for op, weight_format in FORMATS}
    every = (LINEAR_COEFFICIENTS, CONV_COEFFICIENTS, UNARY_COEFFICIENTS)
    assert all(set(coefficients) == set(CORE_CLASSES) for coefficients in every)
    known = set(LINEAR_TERMS) | set(CONV_TERMS) | {("linear", "straight")}
    assert set(FORMATS) == known, "straight-line code knows its own cycles"
    on_some = {"gather": {"mve"}, "blocks1x16": {"mve"}, "blocks1x4": {"dsp", "mve"}}
    for core, coefficients in LINEAR_COEFFICIENTS.items():
        assert set(coefficients) == {key for key in LINEAR_TERMS if core in on_some.get(key[1], set(CORE_CLASSES))}
    for core, coefficients in CONV_COEFFICIENTS.items():
        assert set(coefficients) == {key for key in CONV_TERMS if key[1] != "sixteens" or core == "mve"}
    assert all(
        set(coefficients) == set(UNARY_TERMS) <= set(STEP_OPERATORS) for coefficients in UNARY_COEFFICIENTS.values()
    )
    recurrent = {f"{op}_{name}" for op in ("gru", "lstm") for name in RECURRENT_FORMATS}
    assert set(CALLS) == macs | recurrent | (set(STEP_OPERATORS) - {"linear", "conv", "gru", "lstm"})
    assert set(INTEGER_OPERATORS) == (set(STEP_OPERATORS) - {PAD}) | {"flatten"}
