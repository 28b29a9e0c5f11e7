import json
import zlib

import numpy as np
import pytest

from tinybayes.ir import (
    AveragePool,
    Conv,
    Flatten,
    Graph,
    InputScaling,
    Linear,
    MaxPool,
    Requant,
    Select,
    Tensor,
)
from tinybayes.tbn.container import FORMAT_VERSION, MAGIC, PREAMBLE, checksum_of, unpack


def _requant(multiplier, low=-128, high=127):
    return Requant(5, np.array(multiplier, dtype=np.int32), 17, low, high)


@pytest.fixture(scope="session")
def every_operator():
    """A network with each integer operator, per-channel and per-layer factors, a sparse and a dense layer."""
    rng = np.random.default_rng(1)
    kernel = rng.integers(-3, 4, (4, 1, 3, 2)).astype(np.int8)
    sparse = np.zeros((3, 1, 1, 5), dtype=np.int8)
    sparse[0, 0, 0, 3], sparse[2, 0, 0, 1] = -7, 7
    tensors = [
        Tensor("x", (12, 2), "int8", 0.1),
        Tensor("conv", (12, 4), "uint8", 1 / 3),
        Tensor("max", (6, 4), "uint8", 1 / 3),
        Tensor("mean", (3, 4), "uint8", 0.25),
        Tensor("flat", (12,), "uint8", 0.25),
        Tensor("some", (5,), "uint8", 0.25),
        Tensor("y", (3,), "int8", 1e-3),
    ]
    nodes = (
        Conv(
            name="c1",
            inputs=("x",),
            output="conv",
            weight=kernel,
            bias=np.array([-4, 0, 8, 1200], dtype=np.int32),
            dense_shape=(8, 1, 3, 2),
            weight_scale=np.array([0.1, 0.2, 1 / 3, 1e-4]),
            requant=_requant([1, 32767, 12345, 7], low=0, high=255),
            padding=(0, 0, 1, 1),
        ),
        MaxPool(name="m1", inputs=("conv",), output="max", window=(1, 2), stride=(1, 2)),
        AveragePool(
            name="a1",
            inputs=("max",),
            output="mean",
            window=(1, 2),
            stride=(1, 2),
            requant=_requant([20000], low=0, high=255),
        ),
        Flatten(name="f1", inputs=("mean",), output="flat"),
        Select(name="s1", inputs=("flat",), output="some", indices=np.array([0, 1, 4, 10, 11])),
        Linear(
            name="fc",
            inputs=("some",),
            output="y",
            weight=sparse,
            bias=np.array([0, -(2**29), 2**29], dtype=np.int32),
            dense_shape=(3, 1, 1, 12),
            weight_scale=np.array([0.5]),
            requant=_requant([999]),
        ),
    )
    scaling = InputScaling(mean=np.array([0.1, -2], dtype=np.float32), std=np.array([1e-3, 5], dtype=np.float32))
    facts = {"recipe": "tiny", "seed": 7, "accuracy": {"float": 0.9412345678901234, "note": "µ"}, "none": None}
    return Graph({t.name: t for t in tensors}, nodes, "x", "y", (2, 12), scaling, facts)


@pytest.fixture(scope="session")
def lenet():
    """The shape of a sparsified LeNet-300-100: 493-74-69-10, 5,081 nonzeros of 15 levels a sign."""
    rng = np.random.default_rng(2)
    widths, dense = (493, 74, 69, 10), (784, 300, 100, 10)
    levels = np.arange(1, 16) * 8
    share = np.exp(-0.2 * np.arange(15))
    tensors = {"x": Tensor("x", (784,), "int8", 1 / 127), "kept": Tensor("kept", (493,), "int8", 1 / 127)}
    kept = np.sort(rng.choice(784, 493, replace=False))
    nodes = [Select(name="select", inputs=("x",), output="kept", indices=kept)]
    source = "kept"
    for i, nonzero in enumerate((3581, 1100, 400)):
        flat = np.zeros(widths[i] * widths[i + 1], dtype=np.int8)
        values = rng.choice(levels, nonzero, p=share / share.sum()) * rng.choice([-1, 1], nonzero)
        flat[rng.choice(flat.size, nonzero, replace=False)] = values
        last = i == 2
        name = f"fc{i + 1}.out"
        tensors[name] = Tensor(name, (widths[i + 1],), "int8" if last else "uint8", float(rng.uniform(0.01, 0.1)))
        nodes.append(
            Linear(
                name=f"fc{i + 1}",
                inputs=(source,),
                output=name,
                weight=flat.reshape(widths[i + 1], 1, 1, widths[i]),
                bias=(rng.integers(-128, 128, widths[i + 1]) << 4).astype(np.int32),
                dense_shape=(dense[i + 1], 1, 1, dense[i]),
                weight_scale=rng.uniform(0.001, 0.01, 1),
                requant=_requant([int(rng.integers(1 << 14, 1 << 15))], *((-128, 127) if last else (0, 255))),
            )
        )
        source = name
    accuracy = {stage: 0.98123456 for stage in ("float", "sparse", "pruned", "shared", "integer")}
    facts = {"recipe": "mnist-lenet300", "seed": 0, "command": "tinybayes train mnist-lenet300", "accuracy": accuracy}
    return Graph(tensors, tuple(nodes), "x", source, (784,), None, facts)


@pytest.fixture(scope="session")
def repack(reseal):
    """Takes (file, change of the header's values, change of the payload); returns a file whose checksum holds."""

    def run(data, change=lambda header: header, payload=lambda payload: payload):
        container = unpack(data)
        header = json.loads(container.header)
        changed = change(header)
        header = header if changed is None else changed
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = deflater.compress(text) + deflater.flush()
        section = bytes(payload(bytearray(container.payload)))
        sizes = len(packed), len(text), len(section)
        return reseal(PREAMBLE.pack(MAGIC, FORMAT_VERSION, 0, *sizes, 0) + packed + section)

    return run


@pytest.fixture(scope="session")
def reseal():
    """Takes the bytes of a file; returns them with a checksum that holds."""

    def run(data):
        return data[: PREAMBLE.size - 4] + checksum_of(data).to_bytes(4, "little") + data[PREAMBLE.size :]

    return run
