"""Recurrent operators come back from a file, and what contradicts itself does not."""

import numpy as np
import pytest

from tests.networks import Builder, random_inputs
from tinybayes.errors import FileFormatError
from tinybayes.ir import Gru, Lstm
from tinybayes.reference import execute
from tinybayes.tbn import dumps, loads


@pytest.fixture(scope="module")
def network():
    made = Builder(np.random.default_rng(0), (6, 5), per_channel=True).recurrent(Gru, 4, bits=16, gate_fraction_bits=11)
    return made.recurrent(Lstm, 3, last_only=True, backward=True, cell_fraction_bits=9, output_shift=7).graph()


def test_they_come_back(network):
    loaded = loads(dumps(network))
    assert dumps(loaded) == dumps(network)
    assert [node.backward for node in loaded.nodes] == [False, True]
    assert (loaded.nodes[0].state_bits, loaded.nodes[0].gate_fraction_bits) == (16, 11)
    assert (loaded.nodes[1].last_only, loaded.nodes[1].cell_fraction_bits, loaded.nodes[1].output_shift) == (True, 9, 7)
    inputs = random_inputs(np.random.default_rng(1), network, 9)
    expected = execute(network, inputs)
    for name, values in execute(loaded, inputs).items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.parametrize(
    ("node", "key", "value", "message"),
    [
        (0, "state_bits", 32, r"nodes\[0\]\.state_bits: got 32, wanted an integer in 8 .. 16"),
        (0, "state_bits", 12, r"contradicts itself: .* 12 bits of state, wanted 8 or 16"),
        (0, "gate_fraction_bits", 13, r"nodes\[0\]\.gate_fraction_bits: got 13"),
        (0, "last_only", 1, r"contradicts itself: .* writes \(4,\), its tensor is \(6, 4\)"),
        (0, "backward", 0, r"nodes\[0\]\.backward: got 0, wanted an integer in 1 .. 1"),
        (0, "output_shift", 5, r"contradicts itself: .* writes int8 with scale"),
        (0, "cell_fraction_bits", 5, r"nodes\[0\]: unknown key 'cell_fraction_bits'"),
        (1, "cell_fraction_bits", -1, r"nodes\[1\]\.cell_fraction_bits: got -1"),
        (1, "curve", {"bits": 16, "count": 128, "shift": 0}, r"nodes\[1\]\.curve\.count: got 128"),
        (1, "from_state", None, r"nodes\[1\]\.from_state: got None, wanted an object"),
    ],
)
def test_headers_that_lie(network, repack, node, key, value, message):
    def change(header):
        header["nodes"][node][key] = value

    with pytest.raises(FileFormatError, match=message):
        loads(repack(dumps(network), change))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("pre_shift", 25, r"from_input\.pre_shift: got 25"),
        ("dense_shape", [0, 1, 1, 5], r"from_input\.dense_shape: got"),
    ],
)
def test_matrices_that_lie(network, repack, key, value, message):
    def change(header):
        header["nodes"][0]["from_input"][key] = value

    with pytest.raises(FileFormatError, match=message):
        loads(repack(dumps(network), change))


@pytest.mark.parametrize("value", [False, 1, None])
def test_the_layout_of_the_input_is_said_only_where_it_is_another(network, repack, value):
    def change(header):
        header["channels_last_input"] = value

    with pytest.raises(FileFormatError, match=r"channels_last_input: got .*, wanted true, or no such key"):
        loads(repack(dumps(network), change))
