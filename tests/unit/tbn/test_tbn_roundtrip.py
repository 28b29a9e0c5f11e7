import dataclasses
import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from tinybayes.errors import InternalError, UserError
from tinybayes.ir import Linear
from tinybayes.ir.nodes import INTEGER_OPERATORS
from tinybayes.tbn import FORMAT_VERSION, dumps, load, loads, save
from tinybayes.tbn.nodes import ROWS


def same(a, b):
    """Whether two values of a graph are equal to the bit, dtypes included."""
    if dataclasses.is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


def with_weight(graph, weight):
    """``graph`` with another weight in its last operator."""
    last = dataclasses.replace(graph.nodes[-1], weight=weight.astype(np.int8))
    return dataclasses.replace(graph, nodes=(*graph.nodes[:-1], last))


@pytest.mark.parametrize("name", ["every_operator", "lenet"])
def test_everything_comes_back(name, request):
    graph = request.getfixturevalue(name)
    data = dumps(graph)
    loaded = loads(data)
    for field in dataclasses.fields(graph):
        if field.name != "facts":
            assert same(getattr(graph, field.name), getattr(loaded, field.name)), field.name
    assert loaded.facts == graph.facts
    assert dumps(loaded) == data
    assert dumps(graph) == data


def test_each_integer_operator_has_a_row():
    assert set(ROWS) == set(INTEGER_OPERATORS)


def test_the_preamble_is_as_documented(every_operator):
    data = dumps(every_operator)
    assert data[:8] == b"\x89TBN\r\n\x1a\n"
    assert int.from_bytes(data[8:10], "little") == FORMAT_VERSION == 1
    assert int.from_bytes(data[12:16], "little") + int.from_bytes(data[20:24], "little") + 28 == len(data)


def entropy_bits(counts):
    return -sum(n * math.log2(n / sum(counts)) for n in counts)


def test_a_sparse_network_is_stored_near_its_entropy(lenet):
    floor_bits = 0.0
    for node in lenet.mac_nodes:
        values = Counter(node.weight.ravel().tolist())
        zeros = values.pop(0)
        floor_bits += entropy_bits([zeros, node.nonzero]) + entropy_bits(values.values())
    data = dumps(lenet)
    biases_and_indices = 74 + 69 + 10 + 113
    # The code tables (50 bytes a layer) are part of the margin over the floor.
    assert len(data) - 28 - int.from_bytes(data[12:16], "little") <= 1.06 * floor_bits / 8 + biases_and_indices
    assert int.from_bytes(data[12:16], "little") <= 600


@pytest.mark.parametrize(
    ("weight", "coding"),
    [
        (np.random.default_rng(0).integers(-127, 128, (10, 1, 1, 69)), b'"raw"'),
        (np.random.default_rng(0).integers(-3, 4, (10, 1, 1, 69)), b'"huffman"'),
        (np.random.default_rng(0).normal(0, 20, (10, 1, 1, 69)).round().clip(-128, 127), b'"huffman"'),
        (np.arange(690).reshape(10, 1, 1, 69) % 23 == 5, b'"gaps"'),  # a single level
        (np.arange(690).reshape(10, 1, 1, 69) == 689, b'"gaps"'),  # a single weight
        (np.where(np.arange(690) % 23, 0, np.arange(690) // 6 - 57).reshape(10, 1, 1, 69), b'"gaps"'),
        (np.zeros((10, 1, 1, 69)), b'"gaps"'),  # pruned to nothing
        (np.full((10, 1, 1, 69), -128), b'"huffman"'),
    ],
)
def test_the_smallest_coding_is_taken_and_comes_back(lenet, weight, coding):
    from tinybayes.tbn.container import unpack

    data = dumps(with_weight(lenet, weight))
    assert unpack(data).header.count(b'"coding":' + coding) == (3 if coding == b'"gaps"' else 1)
    assert np.array_equal(loads(data).nodes[-1].weight, weight.astype(np.int8))


@pytest.mark.parametrize(
    "bias", [[0] * 10, [-1] + [0] * 9, [2**29 + 1, -(2**29) + 3] * 5, list(range(-5, 5)), [1024] * 10]
)
def test_biases_come_back(lenet, bias):
    last = dataclasses.replace(lenet.nodes[-1], bias=np.array(bias, dtype=np.int32))
    loaded = loads(dumps(dataclasses.replace(lenet, nodes=(*lenet.nodes[:-1], last))))
    assert same(loaded.nodes[-1].bias, last.bias)


@pytest.mark.parametrize("scale", [1.1754943508222875e-38, 3.4028234663852886e38, 0.1 + 0.2, np.float64(1) / 3])
def test_scales_come_back_to_the_bit(every_operator, scale):
    tensors = dict(every_operator.tensors) | {"y": dataclasses.replace(every_operator.tensors["y"], scale=scale)}
    loaded = loads(dumps(dataclasses.replace(every_operator, tensors=tensors)))
    assert loaded.tensors["y"].scale == float(scale)


def test_a_file_comes_back(every_operator, tmp_path):
    path = tmp_path / "net.tbn"
    path.write_bytes(b"an older file")
    save(every_operator, path)
    assert path.read_bytes() == dumps(every_operator)
    assert dumps(load(path)) == path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["net.tbn"]


def test_a_failed_write_leaves_the_older_file_and_nothing_else(every_operator, tmp_path):
    (tmp_path / "net.tbn").mkdir()
    (tmp_path / "net.tbn" / "kept").touch()
    with pytest.raises(UserError, match=r"net\.tbn: cannot be written"):
        save(every_operator, tmp_path / "net.tbn")
    with pytest.raises(UserError, match=r"net\.tbn: cannot be written"):
        save(every_operator, tmp_path / "nowhere" / "net.tbn")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["kept", "net.tbn"]


@pytest.mark.parametrize("facts", [{"loss": float("nan")}, {"when": object()}, {"w": np.float32(1)}, {"s": "\ud800"}])
def test_facts_that_are_not_json_are_refused(every_operator, facts):
    with pytest.raises(InternalError, match="facts of the network are not JSON"):
        dumps(every_operator.with_facts(**facts))


def test_a_float_network_is_refused(every_operator):
    tensors = {k: dataclasses.replace(t, dtype="float32") for k, t in every_operator.tensors.items()}
    with pytest.raises(InternalError, match="quantize it first"):
        dumps(dataclasses.replace(every_operator, tensors=tensors))


def test_what_could_not_be_loaded_is_not_saved(every_operator):
    with pytest.raises(
        InternalError, match=r"cannot be kept: .*torch_input_shape: got \[3, 12\], wanted the 24 elements"
    ):
        dumps(dataclasses.replace(every_operator, torch_input_shape=(3, 12)))
    last = every_operator.nodes[-1]
    assert isinstance(last, Linear)
    nodes = (*every_operator.nodes[:-1], dataclasses.replace(last, name="a */ b"))
    with pytest.raises(InternalError, match=r"nodes\[5\]\.name: got 'a \*/ b', wanted a name of"):
        dumps(dataclasses.replace(every_operator, nodes=nodes))


def test_loading_does_not_import_torch(every_operator, tmp_path):
    save(every_operator, tmp_path / "net.tbn")
    code = "import sys; from tinybayes.tbn import load, save; save(load(sys.argv[1]), sys.argv[1]); "
    code += "sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code, tmp_path / "net.tbn"], check=True, timeout=60)
