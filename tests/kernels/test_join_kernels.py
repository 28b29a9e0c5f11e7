"""Operators with several inputs: generated code against the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.test_kernels import SETTINGS, check
from tests.networks import Builder
from tinybayes.ir import Graph
from tinybayes.ir.tensor import DType

DTYPES: tuple[DType, ...] = ("int8", "uint8")
dtypes = st.sampled_from(DTYPES)


@st.composite
def branched_networks(draw: st.DrawFn) -> Graph:
    """Maps that keep height and width, joined with any map before them of the same channels, or concatenated."""
    shape = draw(st.sampled_from(((1, 1, 1), (7, 3), (4, 5, 2), (3, 8, 4))))
    made = Builder(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), shape, levels=9)
    made.conv(draw(st.integers(1, 6)), (1, 1), dtype=draw(dtypes))
    for _ in range(draw(st.integers(1, 3))):
        current = made.tensor
        height = 3 if len(shape) == 3 else 1
        padding = (height // 2, height // 2, 1, 1)
        made.conv(current.channels, (height, 3), padding=padding, dtype=draw(dtypes))
        other = draw(st.sampled_from([t.name for t in made.tensors.values() if t.shape == current.shape]))
        kind = draw(st.sampled_from(("add", "multiply", "channels", "columns", "rows")))
        if kind in ("add", "multiply"):
            getattr(made, kind)(other, draw(dtypes))
        elif kind == "channels":
            made.concat((other,), 2, draw(dtypes))
        elif kind == "columns":
            made.concat((other, other), 1, draw(dtypes))
        elif len(shape) == 3:
            made.concat((other,), 0, draw(dtypes))
    return made.flatten().linear(3).graph()


@settings(SETTINGS, max_examples=6)
@given(branched_networks(), st.sampled_from(("flash", "latency")))
def test_branches_agree_with_the_reference(graph: Graph, objective: str) -> None:
    check(graph, objective)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 4, 3), (6, 2), (1, 1, 4)])
def test_one_value_a_channel_is_used_at_every_position(shape: tuple[int, ...], dtype: DType) -> None:
    made = Builder(np.random.default_rng(0), shape).conv(shape[-1], (1, 1), dtype=dtype)
    window = (made.tensor.hwc[0], made.tensor.hwc[1])
    made.average_pool(window).back_to("t0").multiply("t1", "uint8").add("t1").add("t0", "uint8")
    made.conv(2, (1, 2), padding=(0, 0, 1, 0), dtype="int8")
    kernels = check(made.graph(), "flash")
    assert kernels[2:5] == ["multiply", "add", "add"]


def test_a_tensor_may_be_both_inputs() -> None:
    made = Builder(np.random.default_rng(0), (9,)).linear(7)
    assert check(made.add("t0").multiply("t1", "uint8").concat(("t2", "t0")).graph(), "flash")[1:] == [
        "add",
        "multiply",
        "concat",
    ]


def test_the_input_itself_may_be_joined() -> None:
    made = Builder(np.random.default_rng(0), (5, 5, 2)).conv(2, (3, 3), padding=(1, 1, 1, 1), dtype="int8")
    made.add("x").concat(("x",)).conv(3, (3, 3), padding=(1, 1, 1, 1)).multiply("t3")
    check(made.graph(), "flash")


@pytest.mark.parametrize("dtype", DTYPES)
def test_elements_move(dtype: DType) -> None:
    """Transposed, every second, between margins, a series of a map, and what only gets another shape."""
    made = Builder(np.random.default_rng(1), (4, 6, 3)).conv(3, (1, 1), dtype=dtype)
    made.rearrange((6, 4, 3), 0, (6, 4, 3), (3, 18, 1)).conv(2, (3, 3), padding=(1, 1, 1, 1), dtype=dtype)
    made.rearrange((3, 2, 2), 2, (3, 2, 2), (16, 4, 1)).rearrange((2, 6), 0, (1, 1, 12), (0, 0, 1))
    made.conv(3, (1, 2), padding=(0, 0, 1, 1), dtype=dtype).rearrange((9,), 0, (1, 3, 3), (0, 1, 3)).linear(2)
    kernels = check(made.graph(), "flash")
    assert kernels.count("rearrange") == 3


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_channel_has_a_factor_and_an_offset(dtype: DType) -> None:
    made = Builder(np.random.default_rng(1), (4, 5, 3)).affine(dtype).conv(7, (1, 1), dtype=dtype).affine("uint8")
    made.conv(2, (3, 3), padding=(1, 1, 1, 1), dtype=dtype).affine(dtype).conv(3, (2, 2), padding=(0, 1, 1, 0))
    kernels = check(made.flatten().affine().graph(), "flash")
    assert kernels.count("affine") == 4


def test_what_is_flattened_is_joined_as_a_vector() -> None:
    made = Builder(np.random.default_rng(1), (3, 4, 2)).conv(2, (2, 2)).flatten().affine("uint8").softmax("uint8")
    made.back_to("t0").flatten().concat(("t3", "t4")).back_to("t4").multiply("t3").concat(("t5", "t4"))
    check(made.softmax().argmax().graph(), "flash")


@pytest.mark.parametrize("dtype", DTYPES)
def test_frames_of_a_constant(dtype: DType) -> None:
    made = Builder(np.random.default_rng(1), (3, 4, 2)).constant_pad((1, 0, 1), (0, 2, 0), -7).conv(2, (2, 2))
    made.constant_pad((0, 1, 0), (1, 1, 2), 100, dtype).conv(3, (3, 3), padding=(1, 1, 1, 1), dtype=dtype)
    kernels = check(made.flatten().constant_pad((0, 0, 2), (0, 0, 1), 0).linear(3).graph(), "flash")
    assert kernels.count("constant_pad") == 3
