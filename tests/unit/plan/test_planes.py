"""Depthwise convolutions in planes: where they are legal, how far they go along which axis, and in place."""

from dataclasses import replace

import numpy as np
import pytest

from tests.networks import Builder, formats_preferring
from tinybayes.errors import InternalError
from tinybayes.ir import Graph
from tinybayes.plan import Plan, make_plan
from tinybayes.plan.arena import Buffer, arena_bytes, most_bytes_alive, place
from tinybayes.plan.overlap import in_place
from tinybayes.plan.proof import prove, prove_overlaps


def separable(stride: tuple[int, int] = (1, 1)) -> Graph:
    chain = Builder(np.random.default_rng(0), (25, 5, 4), density=1.0, levels=50).conv(16, (1, 1))
    chain.grouped(16, (3, 3), 16, stride=stride, padding=(1, 1, 1, 1)).conv(16, (1, 1))
    return chain.flatten().linear(3).graph()


def planned(graph: Graph, core: str = "cortex-m4") -> Plan:
    return make_plan(graph, core=core, formats=formats_preferring("planes", graph, core))


def test_a_map_is_overwritten_channel_by_channel() -> None:
    plan = planned(separable())
    step = plan.steps[1]
    source, target = plan.buffer(step.source.tensor.name), plan.buffer(step.tensor)
    assert step.format == "planes"
    assert in_place(step)
    assert target.in_place
    assert target.offset == source.offset
    # Strips run down the 25 rows, of which 28 make whole ones: 30 elements with the zeros of both borders.
    assert step.planes.plane == (7, 30)
    assert step.scratch_bytes == 7 * 30 * 2
    assert plan.arena_bytes == 25 * 5 * 16 + step.scratch_bytes


@pytest.mark.parametrize("shift", [-12, -4, 4])
def test_the_proof_refuses_a_place_where_channels_mix(shift: int) -> None:
    step = planned(separable()).steps[1]
    source = Buffer(step.source.tensor.name, step.source.total_bytes, 0, 1, offset=64)
    with pytest.raises(InternalError, match="overwrites what it still reads"):
        prove_overlaps([step], [source, Buffer(step.tensor, step.target.total_bytes, 1, 2, offset=64 + shift)])
    prove_overlaps([step], [source, Buffer(step.tensor, step.target.total_bytes, 1, 2, offset=64)])


def test_a_map_of_another_size_is_not_overwritten() -> None:
    plan = planned(separable(stride=(2, 1)))
    assert plan.steps[1].format == "planes"
    assert not in_place(plan.steps[1])
    assert plan.buffer(plan.steps[1].tensor).over == ""


def test_vectors_want_another_format() -> None:
    assert "planes" not in {step.format for step in planned(separable(), "cortex-m55").steps}


def test_buffers_in_place_of_each_other_are_placed_as_one() -> None:
    buffers = [
        Buffer("a", 40, 0, 1),
        Buffer("b", 40, 1, 2, over="a", in_place=True),
        Buffer("scratch", 12, 1, 1),
        Buffer("c", 20, 2, 3, over="b"),
        Buffer("d", 20, 3, 4, over="c", in_place=True),
    ]
    placed = place(buffers)
    at = {buffer.name: buffer.offset for buffer in placed}
    assert at["a"] == at["b"]
    assert at["c"] == at["d"]
    assert [replace(buffer, offset=0) for buffer in placed] == buffers
    prove(placed, arena_bytes(placed), 5)
    assert arena_bytes(placed) == most_bytes_alive(buffers) == 52
