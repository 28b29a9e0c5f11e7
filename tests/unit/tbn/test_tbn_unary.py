"""Operators without weights: they come back from a file, and what contradicts itself does not."""

import dataclasses

import numpy as np
import pytest

from tests.networks import Builder, random_inputs
from tinybayes.errors import FileFormatError
from tinybayes.ir import AveragePoolSpans, MaxPoolSpans
from tinybayes.reference import execute
from tinybayes.tbn import dumps, loads


@pytest.fixture(scope="module")
def network():
    made = (
        Builder(np.random.default_rng(0), (6, 5), per_channel=True)
        .requantize()
        .conv(3, (1, 2))
        .pointwise("uint8")
        .flatten()
    )
    graph = made.linear(4).pointwise().softmax("uint8").argmax().graph()
    curved = dataclasses.replace(graph.nodes[2], function="elu", parameters=(0.1, 1.0, 1 / 3))
    return graph.with_nodes((*graph.nodes[:2], curved, *graph.nodes[3:]), graph.tensors)


def test_they_come_back(network):
    loaded = loads(dumps(network))
    assert dumps(loaded) == dumps(network)
    assert (loaded.nodes[2].function, loaded.nodes[2].parameters) == ("elu", (0.1, 1.0, 1 / 3))
    inputs = random_inputs(np.random.default_rng(1), network, 9)
    expected = execute(network, inputs)
    for name, values in execute(loaded, inputs).items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.fixture(scope="module")
def windows():
    made = Builder(np.random.default_rng(2), (6, 5, 3), per_channel=True)
    return made.spans(MaxPoolSpans, 4, 5).spans(AveragePoolSpans, 3, 4).graph()


def test_windows_come_back(windows):
    loaded = loads(dumps(windows))
    assert dumps(loaded) == dumps(windows)
    assert [(node.rows, node.columns) for node in loaded.nodes] == [(node.rows, node.columns) for node in windows.nodes]
    assert loaded.nodes[1].row_counts == windows.nodes[1].row_counts
    assert loaded.nodes[1].requant.multiplier.size == windows.nodes[1].divisors.size


@pytest.mark.parametrize("positions", [65_537, 100_000])
def test_what_spans_many_positions_comes_back(positions):
    made = Builder(np.random.default_rng(3), (positions, 1)).max_pool((1, positions)).back_to("x")
    made.average_pool((1, positions)).constant_pad((0, positions, 0), (0, positions, 0), 3)
    graph = made.graph()
    assert dumps(loads(dumps(graph))) == dumps(graph)


def test_what_sums_are_divided_by_comes_back(repack):
    graph = Builder(np.random.default_rng(3), (6, 5, 3)).average_pool((6, 5)).average_pool((1, 1)).graph()
    summed = dataclasses.replace(graph.nodes[0], divisor=1)
    graph = graph.with_nodes((summed, graph.nodes[1]), graph.tensors)
    loaded = loads(dumps(graph))
    assert [node.divides_by for node in loaded.nodes] == [1, 1]
    assert [node.divisor for node in loaded.nodes] == [1, None]

    def change(header):
        header["nodes"][0]["divisor"] = 0

    with pytest.raises(FileFormatError, match=r"nodes\[0\]\.divisor: got 0, wanted an integer in 1 .. 16777216"):
        loads(repack(dumps(graph), change))


@pytest.mark.parametrize(
    ("node", "key", "value", "message"),
    [
        (0, "rows", [[0, 1]] * 3, r"contradicts itself: .*output .* for \(3, 5\) windows"),
        (0, "rows", [[0, 7]] * 4, r"contradicts itself: .*windows beyond 6 positions"),
        (0, "rows", [[2, 2]] * 4, r"contradicts itself: .*windows beyond 6 positions"),
        (0, "columns", [[0, 1, 2]] * 5, r"nodes\[0\]\.columns: .*wanted pairs of integers"),
        (0, "columns", [[0, -1]] * 5, r"nodes\[0\]\.columns: .*wanted pairs of integers"),
        (0, "columns", 7, r"nodes\[0\]\.columns: got 7, wanted a list"),
        (1, "row_counts", [1, 2], r"nodes\[1\]\.row_counts: .*a list of 3 integers"),
        (1, "row_counts", [0, 1, 2], r"nodes\[1\]\.row_counts: .*integers in 1"),
        (1, "rows", [], r"nodes\[1\]\.row_counts: .*a list of 0 integers"),
    ],
)
def test_windows_that_lie(windows, repack, node, key, value, message):
    def change(header):
        header["nodes"][node][key] = value

    with pytest.raises(FileFormatError, match=message):
        loads(repack(dumps(windows), change))


@pytest.mark.parametrize(
    ("node", "key", "value", "message"),
    [
        (2, "function", "cosh", r"nodes\[2\]\.function: got 'cosh', wanted one of clamp, elu"),
        (2, "function", "tanh", r"nodes\[2\]\.parameters\.count: got 3, wanted an integer in 0 .. 0"),
        (2, "table", {"bits": 9, "count": 255, "shift": 0}, r"nodes\[2\]\.table\.count: got 255"),
        (2, "table", {"bits": 9, "count": 256, "shift": 1}, r"nodes\[2\]\.table: got a code beyond 8 bits"),
        (5, "function", "clamp", r"nodes\[5\]\.parameters\.count: got 0"),
        (0, "requant", None, r"nodes\[0\]\.requant"),
        (6, "high", 300, r"nodes\[6\]\.high: got 300"),
        (6, "high", 127, r"contradicts itself: .* probability 1 must be the largest code"),
        (6, "exponentials", {"bits": 17, "count": 257, "shift": 0}, r"nodes\[6\]\.exponentials\.count: got 257"),
        (7, "axis", 1, r"nodes\[7\]: unknown key 'axis'"),
    ],
)
def test_headers_that_lie(network, repack, node, key, value, message):
    def change(header):
        header["nodes"][node][key] = value

    with pytest.raises(FileFormatError, match=message):
        loads(repack(dumps(network), change))
