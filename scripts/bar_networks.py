"""The networks that the bars of ``scripts/bench.py`` are about: random weights, and the trained example."""

import sys
from functools import cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import bars
from tests.networks import Builder
from tinybayes import tbn
from tinybayes.ir import Graph

EXAMPLES = Path(__file__).parents[1] / "examples"


@cache
def dense_lenet300() -> Graph:
    """784-300-100-10 with random weights, none of them zero."""
    chain = Builder(np.random.default_rng(0), (784,), density=1.0, levels=254)
    return chain.linear(300, "uint8").linear(100, "uint8").linear(10).graph()


@cache
def sparse_layer(levels: int) -> Graph:
    """64 x 256, 90 % of the weights zero at random."""
    return Builder(np.random.default_rng(0), (256,), density=0.1, levels=levels).linear(64).graph()


@cache
def layer_in_blocks(rows: int, columns: int) -> Graph:
    """64 x 256, 90 % of the blocks of ``rows`` x ``columns`` zero at random, 8 levels."""
    chain = Builder(np.random.default_rng(0), (256,), density=1.0, levels=8).linear(64)
    live = chain.rng.random((64 // rows, 256 // columns)) < 0.1
    chain.nodes[0].weight[:] *= np.kron(live, np.ones((rows, columns), np.int8)).reshape(64, 1, 1, 256)  # type: ignore[attr-defined]
    return chain.graph()


@cache
def layer_of(nonzeros: int, rows: int = 1, columns: int = 1) -> Graph:
    """About ``nonzeros`` weights of 3 levels, 128 in each row of 1,024 columns, in blocks of ``rows`` x ``columns``."""
    chain = Builder(np.random.default_rng(0), (1024,), density=0.0, levels=3).linear(nonzeros // 1000 * 8)
    weight = chain.nodes[0].weight.reshape(-1, 1024)  # type: ignore[attr-defined]
    blocks = (weight.shape[0] // rows, 1024 // columns)
    live = np.zeros(blocks, np.int8)
    places = np.argsort(chain.rng.random(blocks), axis=1)[:, : 128 // columns]
    np.put_along_axis(live, places, np.int8(1), axis=1)
    everywhere = np.kron(live, np.ones((rows, columns), np.int8))
    weight[:] = everywhere * chain.rng.choice(np.array([-90, 11, 127], np.int8), weight.shape)
    return chain.graph()


@cache
def sparse_chain() -> Graph:
    """Three sparse layers whose rows are of very different lengths."""
    chain = Builder(np.random.default_rng(1), (700,), density=0.03, levels=15)
    return chain.linear(120, "uint8").linear(60, "uint8").linear(12).graph()


@cache
def trained_lenet5() -> Graph:
    """The trained LeNet-5-Caffe (20-50-800-500) that ships with tinybayes."""
    return tbn.load(EXAMPLES / "mnist-lenet5.tbn")


@cache
def trained() -> Graph:
    """The trained LeNet-300-100 that ships with tinybayes."""
    return tbn.load(EXAMPLES / "mnist-lenet300.tbn")


@cache
def convolutional(name: str, densities: float | tuple[float, ...] = 1.0, blocks: bool = False) -> Graph:
    """One of the two convolutional networks with random weights, some of them zero."""
    network = {"LeNet-5": bars.lenet5, "IMU CNN": bars.imu_cnn}[name]
    return bars.integer_network(network, densities, blocks=blocks)


@cache
def depthwise_separable() -> Graph:
    """The depthwise separable network for keyword spotting, with random weights."""
    return bars.integer_network(bars.ds_cnn)


def large_layers() -> Graph:
    """A fully connected network with a million weights, none of them zero."""
    chain = Builder(np.random.default_rng(0), (1000,), density=1.0, levels=254)
    return chain.linear(900, "uint8").linear(100, "uint8").linear(10).graph()
