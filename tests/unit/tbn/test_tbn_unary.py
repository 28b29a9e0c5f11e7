"""Operators without weights: they come back from a file, and what contradicts itself does not."""

import dataclasses

import numpy as np
import pytest

from tests.networks import Builder, random_inputs
from tinybayes.errors import FileFormatError
from tinybayes.reference import execute
from tinybayes.tbn import dumps, loads


@pytest.fixture(scope="module")
def network():
    made = Builder(np.random.default_rng(0), (6, 5)).requantize().conv(3, (1, 2)).pointwise("uint8").flatten()
    graph = made.linear(4).pointwise().graph()
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


@pytest.mark.parametrize(
    ("node", "key", "value", "message"),
    [
        (2, "function", "cosh", r"nodes\[2\]\.function: got 'cosh', wanted one of clamp, elu"),
        (2, "function", "tanh", r"nodes\[2\]\.parameters\.count: got 3, wanted an integer in 0 .. 0"),
        (2, "table", {"bits": 9, "count": 255, "shift": 0}, r"nodes\[2\]\.table\.count: got 255"),
        (2, "table", {"bits": 9, "count": 256, "shift": 1}, r"nodes\[2\]\.table: got a code beyond 8 bits"),
        (5, "function", "clamp", r"nodes\[5\]\.parameters\.count: got 0"),
        (0, "requant", None, r"nodes\[0\]\.requant"),
    ],
)
def test_headers_that_lie(network, repack, node, key, value, message):
    def change(header):
        header["nodes"][node][key] = value

    with pytest.raises(FileFormatError, match=message):
        loads(repack(dumps(network), change))
