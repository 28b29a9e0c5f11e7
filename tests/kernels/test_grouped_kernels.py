"""Depthwise, grouped and dilated convolutions: generated code against the reference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulated import grouped_networks
from tests.kernels.test_kernels import CORES, SETTINGS, builder, check
from tests.networks import formats_preferring
from tinybayes.ir import Graph


@st.composite
def grouped_networks_of_any_shape(draw: st.DrawFn) -> Graph:
    two_dimensions = draw(st.booleans())
    groups = draw(st.sampled_from((2, 3, 4, 8, 11)))
    depthwise = draw(st.booleans())
    channels = groups if depthwise else groups * draw(st.integers(1, 3))
    sizes = (draw(st.integers(5, 9)),) if two_dimensions else ()
    chain = builder(draw, (*sizes, draw(st.integers(8, 13)), channels))
    for _ in range(draw(st.integers(1, 2))):
        kernel = (draw(st.integers(1, 2)) if two_dimensions else 1, draw(st.integers(1, 3)))
        dilation = (draw(st.integers(1, 2)) if two_dimensions else 1, draw(st.integers(1, 2)))
        pads = [draw(st.integers(0, 2)) if two_dimensions else 0 for _ in range(2)]
        sides = [draw(st.integers(0, 2)) for _ in range(2)]
        stride = (draw(st.integers(1, 2)) if two_dimensions else 1, draw(st.integers(1, 2)))
        outputs = chain.tensor.channels * draw(st.sampled_from((1, 1, 2)))
        dtype = draw(st.sampled_from(("int8", "uint8")))
        height, width, _ = chain.tensor.hwc
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        if spans[0] > height + sum(pads) or spans[1] > width + sum(sides):
            break
        chain.grouped(outputs, kernel, groups, dilation, stride, (*pads, *sides), dtype)
    return chain.flatten().linear(draw(st.integers(1, 4))).graph()


@SETTINGS
@given(grouped_networks_of_any_shape(), st.sampled_from(("flash", "latency")), st.sampled_from(CORES))
def test_grouped_networks_agree_with_the_reference(graph: Graph, objective: str, core: str) -> None:
    check(graph, objective, core)


@SETTINGS
@given(grouped_networks_of_any_shape(), st.sampled_from(CORES))
def test_planes_agree_with_the_reference_wherever_they_may(graph: Graph, core: str) -> None:
    check(graph, "latency", core, formats=formats_preferring("planes", graph, core))


@pytest.mark.parametrize(
    "name",
    ["depthwise series", "depthwise maps", "depthwise, far apart", "planes of maps", "planes of a series", "groups"],
)
def test_networks_of_the_corpus(name: str) -> None:
    graph, wanted = next((graph, wanted) for title, graph, wanted in grouped_networks.all_of_them() if title == name)
    formats = None if wanted is None else formats_preferring(wanted, graph, "cortex-m4")
    kernels = check(graph, "flash", formats=formats)
    if wanted is not None:
        assert kernels.count(f"conv_{wanted}") >= 2
