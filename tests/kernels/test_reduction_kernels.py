"""Maxima and means over any dimensions of a tensor, seen as another map: generated code against the reference."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulated.unary_networks import reduced
from tests.kernels.test_kernels import SETTINGS, check
from tests.kernels.test_unary_kernels import chain
from tinybayes.ir import AveragePool, Graph, MaxPool


@st.composite
def reduced_maps(draw: st.DrawFn) -> Graph:
    """A map seen as (rows, windows x columns, channels), of which rows, windows or both are taken together."""
    a, b, c, d = (draw(st.integers(1, 5)) for _ in range(4))
    made = chain((a * b, c, d), draw(st.integers(0, 2**32 - 1))).conv(draw(st.integers(1, 4)), (1, 1))
    channels = made.tensor.channels
    hwc, window = draw(
        st.sampled_from((
            ((a * b, c * channels, 1), (1, channels)),
            ((a * b, c * channels, 1), (b, channels)),
            ((a * b * c, channels, 1), (1, channels)),
            ((a, b, c * channels), (1, b)),
            ((1, a * b, c * channels), (1, a * b)),
            ((1, a * b * c * channels, 1), (1, a * b * c * channels)),
        ))
    )  # fmt: skip
    elements = made.tensor.elements
    made.rearrange(hwc, 0, (1, 1, elements), (0, 0, 1)).pool(draw(st.sampled_from((MaxPool, AveragePool))), window)
    if draw(st.booleans()):
        made.conv(2, (2, 1), padding=(1, 0, 0, 1))
    return made.flatten().linear(3).graph()


@settings(SETTINGS, max_examples=5)
@given(reduced_maps(), st.sampled_from(("flash", "latency")))
def test_reduced_maps_agree_with_the_reference(graph: Graph, objective: str) -> None:
    check(graph, objective)


def test_nothing_is_copied_to_be_seen_in_another_way() -> None:
    kernels = check(reduced(), "latency", sanitize=False)
    assert "rearrange" not in kernels
    assert (kernels.count("max_pool"), kernels.count("average_pool")) == (1, 3)
